// Package dissector holds the Wireshark dissector of the pqiot session, and
// the colouring rules that go with it, for whoever installs them.
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
