// Package wire holds the formats that three languages share: the records of
// the PineCone serial stream (serial.go, record.go, body.go) and the payloads
// of the pqiot session (session.go). It has constants, Parse and Append, and
// no I/O.
//
// The C header firmware/core/pq_wire.h and the marked block of
// dissector/pqiot.lua are written from the constants of this package by
// wire/gen; go generate renews them and make check refuses a stale one.
package wire

//go:generate go run ./gen
