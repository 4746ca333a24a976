// Package words counts.
package words

import (
	"strings"
	"sync"
)

// Count counts words, in as many goroutines as there are lines.
func Count(lines []string) map[string]int {
	var all sync.Mutex
	var done sync.WaitGroup
	count := map[string]int{}
	for _, line := range lines {
		done.Add(1)
		go func(line string) {
			defer done.Done()
			for _, word := range strings.Fields(line) {
				all.Lock()
				count[word]++
				all.Unlock()
			}
		}(line)
	}
	done.Wait()
	return count
}
