// Package keylog writes the keys of sessions where the user asks for it, in
// the form that package wire documents. Whoever reads the file reads the
// traffic.
package keylog

import (
	"fmt"
	"io"

	"pqiot/peer/session"
	"pqiot/wire"
)

// Write writes a session's line and, with oscore, that of its OSCORE context.
// Behind it stands the context as an entry of Wireshark's table
// oscore_contexts, in a comment, ready to be copied there.
func Write(w io.Writer, k *session.Keys, oscore bool) error {
	records, context := k.KeyLog()
	b := wire.AppendKeyLogLine(nil, records)
	if oscore {
		b = wire.AppendKeyLogLine(b, context)
		b = fmt.Appendf(b, "# oscore_contexts: %s\n", WiresharkContext(context))
	}
	defer clear(b)
	_, err := w.Write(b)
	return err
}

// WiresharkContext writes an OSCORE context as Wireshark's table
// oscore_contexts takes it: sender id, recipient id, master secret, master
// salt, id context, algorithm.
func WiresharkContext(k wire.KeyLogLine) string {
	return fmt.Sprintf(`"%x","%02x","%x","%x","","AES-CCM-16-64-128 (CCM*)"`,
		k.SID[:], session.GatewayID, k.MasterSecret[:], k.MasterSalt[:])
}
