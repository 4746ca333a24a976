package main

import (
	"fmt"
	"os"

	"example.org/work/words"
)

func main() {
	fmt.Println(words.Count(os.Args[1:]))
}
