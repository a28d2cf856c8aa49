// Package dissector holds the Wireshark dissector of the pqiot session, and
// the colouring rules that go with it, for whoever installs them.
//
// The dissector is one file, pqiot.lua, that runs unchanged on Lua 5.2 to 5.4;
// its head says what can be set. The block between the marks wire:begin and
// wire:end is written by wire/gen. The tests run it in the real tshark, on
// captures made for them, against goldens in testdata (-update writes them
// anew).
package dissector

import _ "embed"

//go:embed pqiot.lua
var script string

//go:embed colorfilters
var colours string

// Name is the file name under which Wireshark's plugin folder holds Script.
const Name = "pqiot.lua"

// Script is the dissector: one Lua file for Wireshark 4.0 and later.
func Script() string { return script }

// ColorFilters are colouring rules in the form of Wireshark's file
// "colorfilters"; they belong before a profile's own rules.
func ColorFilters() string { return colours }
