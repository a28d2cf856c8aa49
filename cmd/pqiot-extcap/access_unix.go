//go:build unix

package main

import "golang.org/x/sys/unix"

// writable reports why this user may not read and write a file.
func writable(path string) error { return unix.Access(path, unix.R_OK|unix.W_OK) }

// runnable reports why this user may not run a program.
func runnable(path string) error { return unix.Access(path, unix.X_OK) }
