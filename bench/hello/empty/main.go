// Command empty does nothing. It is what the others are compared with.
package main

func main() {}
