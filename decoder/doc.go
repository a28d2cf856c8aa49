// Package decoder reads the byte stream of a sniffer board, defined in package
// wire, and sends it commands.
package decoder
