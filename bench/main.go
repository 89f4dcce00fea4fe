package main

import (
	"fmt"
	"time"
)

func main() {
	e := engine{3, 10 * time.Millisecond, func(f string, a ...any) { fmt.Printf(f+"\n", a...) }}
	tasks, err := tasksOf(subjects(), tableWorks(), rawName)
	if err != nil {
		panic(err)
	}
	figs, err := e.run("table", tasks)
	if err != nil {
		panic(err)
	}
	for _, f := range figs {
		fmt.Printf("%-36s %-18s %d  %9.0f %5.1f%% %6.2f  %4.1f %6.0f\n", f.Subject, f.Work, f.Cores, f.NS, f.Spread*100, f.Ratio, f.Allocs, f.Bytes)
	}
}
