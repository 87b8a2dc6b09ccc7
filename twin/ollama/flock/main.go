// Command flock N takes an exclusive lock on its inherited file descriptor N and waits for it, as util-linux's does.
// Debian's busybox has no flock, and whoever runs Ollama's official image has that of util-linux.
package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

func main() {
	if err := lock(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "flock:", err)
		os.Exit(1)
	}
}

func lock(arguments []string) error {
	if len(arguments) != 1 {
		return fmt.Errorf("this one takes a file descriptor's number and nothing else")
	}
	descriptor, err := strconv.Atoi(arguments[0])
	if err != nil {
		return err
	}
	for {
		if err := syscall.Flock(descriptor, syscall.LOCK_EX); err != syscall.EINTR {
			return err
		}
	}
}
