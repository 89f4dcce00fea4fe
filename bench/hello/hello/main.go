// Command hello prints a greeting: the smallest program that package fmt is in, as
// it is in nearly all.
package main

import "fmt"

func main() { fmt.Println("hello") }
