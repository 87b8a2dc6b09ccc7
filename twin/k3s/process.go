package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopGrace is how long a component gets to end by itself.
const stopGrace = 5 * time.Second

// processes are the components that live and die with the launcher.
type processes struct {
	mutex    sync.Mutex
	running  map[string]*os.Process
	stopping bool
	changed  *sync.Cond
	// farewells are said while the components still work.
	farewells []func()
	// failed gets the first component that ended without being asked to.
	failed chan error
}

func newProcesses() *processes {
	p := &processes{running: map[string]*os.Process{}, failed: make(chan error, 1)}
	p.changed = sync.NewCond(&p.mutex)
	return p
}

// startComponent runs this executable again as one of the components that it holds (components.go).
func (p *processes) startComponent(name string, arguments []string, environment ...string) error {
	infof("Running %s %s", name, strings.Join(arguments, " "))
	return p.start(name, "/proc/self/exe", append([]string{name}, arguments...), os.Stderr, environment...)
}

// start runs a program; the arguments begin with the name that it sees as its own.
func (p *processes) start(name, path string, arguments []string, output io.Writer, environment ...string) error {
	command := exec.Command(path, arguments[1:]...)
	command.Args[0] = arguments[0]
	command.Stdout, command.Stderr = output, output
	command.Env = append(childEnvironment(), environment...)
	// Nothing outlives the launcher but the shims that hold the containers; a group of their own keeps a terminal's
	// Ctrl-C from the components, which the launcher stops in its own order.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	go func() {
		// Linux sends the parent-death signal when the *thread* that forked ends.
		runtime.LockOSThread()
		p.mutex.Lock()
		if p.stopping {
			p.mutex.Unlock()
			started <- fmt.Errorf("%s: not started, the launcher is stopping", name)
			return
		}
		err := command.Start()
		if err == nil {
			p.running[name] = command.Process
		}
		p.mutex.Unlock()
		started <- err
		if err != nil {
			return
		}
		err = command.Wait()
		p.mutex.Lock()
		defer p.mutex.Unlock()
		delete(p.running, name)
		p.changed.Broadcast()
		if !p.stopping {
			select {
			case p.failed <- fmt.Errorf("%s ended: %s", name, command.ProcessState):
			default:
			}
		}
	}()
	return <-started
}

// beforeStop has something done when the launcher stops, before its components do. It must not take long.
func (p *processes) beforeStop(farewell func()) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.farewells = append(p.farewells, farewell)
}

// sayFarewells runs them all at once.
func (p *processes) sayFarewells() {
	p.mutex.Lock()
	p.stopping = true
	farewells := p.farewells
	p.mutex.Unlock()
	var all sync.WaitGroup
	for _, farewell := range farewells {
		all.Add(1)
		go func() {
			defer all.Done()
			farewell()
		}()
	}
	all.Wait()
}

// endFirst ends some components before the others, and waits for that no longer than limit.
func (p *processes) endFirst(limit time.Duration, names ...string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, name := range names {
		if process, ok := p.running[name]; ok {
			process.Signal(syscall.SIGTERM)
		}
	}
	late := false
	timer := time.AfterFunc(limit, func() {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		late = true
		p.changed.Broadcast()
	})
	defer timer.Stop()
	running := func(name string) bool { return p.running[name] != nil }
	for !late && slices.ContainsFunc(names, running) {
		p.changed.Wait()
	}
}

// stop ends all components and returns when they are gone. Containers stay: their shims are no children of ours.
func (p *processes) stop() {
	p.sayFarewells()
	p.signal(syscall.SIGTERM)
	timer := time.AfterFunc(stopGrace, func() { p.signal(syscall.SIGKILL) })
	defer timer.Stop()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for len(p.running) > 0 {
		p.changed.Wait()
	}
}

func (p *processes) signal(signal syscall.Signal) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.stopping = true
	for _, process := range p.running {
		process.Signal(signal)
	}
}

// childEnvironment leaves out what only the launcher may know: tokens come as K3S_* variables.
func childEnvironment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "K3S_") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// mergeArguments gives a component its arguments: "name=value" items of the user replace ours of the same name.
func mergeArguments(ours []string, users []string) []string {
	replaced := map[string]bool{}
	for _, argument := range users {
		name, _, _ := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		replaced[name] = true
	}
	var merged []string
	for _, argument := range ours {
		if name, _, _ := strings.Cut(argument, "="); !replaced[name] {
			merged = append(merged, "--"+argument)
		}
	}
	for _, argument := range users {
		merged = append(merged, "--"+strings.TrimLeft(argument, "-"))
	}
	return merged
}
