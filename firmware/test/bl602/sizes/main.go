// Sizes prints what the built images take of a BL602's memories, and whether
// each can be flashed as it is. Usage: sizes BUILD-FOLDER
package main

import (
	"fmt"
	"os"

	"pqiot/firmware/flash/image"
	"pqiot/firmware/test/bl602"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sizes BUILD-FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "sizes:", err)
		os.Exit(1)
	}
}

func run(build string) error {
	fmt.Print(bl602.Header)
	for _, role := range bl602.Roles {
		m, err := bl602.Read(bl602.Path(build, role, ".elf"))
		if err != nil {
			return err
		}
		fmt.Print(m.Row(role))
	}
	for _, role := range bl602.Roles {
		fmt.Printf("%s: %s\n", role, state(bl602.Path(build, role, ".bin")))
	}
	return nil
}

// state says whether the SDK's tool has put hash, length and calibration into
// the image.
func state(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	m, err := image.ParseImage(b)
	if err == nil {
		err = m.Err()
	}
	if err != nil {
		return fmt.Sprintf("%s is not to be flashed yet: the SDK's bflb_fw_post_proc has not finished it (%v)", path, err)
	}
	return path + " can be flashed"
}
