// Package lab plays the three boards on this computer. Gateway and sender are
// processes of the firmware (package board), joined by a simulated access
// point and air (package air), to which the sniffer listens. A run in virtual
// time depends on nothing but its seed.
//
//	scenario.go  what can happen, by name
//	run.go       lets it happen, in virtual or in real time
//	station.go   a board and the station that is its radio
package lab
