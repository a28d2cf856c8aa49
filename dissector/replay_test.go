package dissector_test

import (
	"slices"
	"testing"
	"time"

	"pqiot/wire"
)

// What was seen before, one scene each. The goldens say which frame draws
// which expert information; a frame without "!" is found in order.
func TestSeenBefore(t *testing.T) {
	v, k := vectorA(t), vectorA(t).keys()
	rec := func(mid uint16, seq uint64) packet {
		return up(t, request(mid, "t", wire.ContentFormatRecord, k.data(t, seq, "T=21.5C")))
	}
	hs := func(mid uint16, e string) message {
		return request(mid, "h", wire.ContentFormatHandshake512, v.handshake(), echo(e))
	}
	forged := slices.Clone(v.Rec1)
	forged[20] ^= 1
	for name, ps := range map[string][]packet{
		"retransmission": {rec(1, 1), rec(1, 1).later(2 * time.Second), rec(1, 1).later(4 * time.Second)},
		// The answer, cached by the gateway, comes twice as well.
		"retransmission-answered": {rec(1, 1), down(t, response(1, "t", k.answer(t, 1, 1, "ok"))), rec(1, 1).later(2 * time.Second),
			down(t, response(1, "t", k.answer(t, 1, 1, "ok")))},
		"same-message-id-after-its-lifetime": {rec(1, 1), rec(1, 1).later(248 * time.Second)},
		"same-message-id-other-body":         {rec(1, 1), rec(1, 2)},
		"replay":                             {rec(1, 1), rec(2, 2), rec(3, 1)},
		"replay-by-a-stranger": {rec(1, 1), datagram(t, stranger, gateway,
			request(1, "t", wire.ContentFormatRecord, k.data(t, 1, "T=21.5C")).bytes())},
		"nonce-reuse":        {rec(1, 1), up(t, request(2, "t", wire.ContentFormatRecord, k.data(t, 1, "T=99.9C")))},
		"nonce-forged":       {rec(1, 1), up(t, request(2, "t", wire.ContentFormatRecord, forged))},
		"nonce-forged-first": {up(t, request(2, "t", wire.ContentFormatRecord, forged)), rec(1, 1)},
		// Between a request and its answer: the answer still belongs to the request.
		"forged-between": {rec(1, 1), up(t, request(2, "t", wire.ContentFormatRecord, slices.Concat(nonce(k.sid, 7), forged[13:]))),
			down(t, response(1, "t", k.answer(t, 1, 1, "ok")))},
		"both-directions":  {rec(1, 1), down(t, response(1, "t", k.answer(t, 1, 1, "ok")))},
		"reordered":        {rec(1, 1), rec(2, 64), rec(3, 2), rec(4, 63), rec(5, 65)},
		"backwards":        {rec(1, 1), rec(2, 66), rec(3, 2), rec(4, 67)},
		"forged-far-ahead": {rec(1, 1), rec(2, 1<<40-1), rec(3, 2)},
		"reflected":        {rec(1, 1), down(t, response(1, "t", k.data(t, 1, "T=21.5C")))},
		"ciphertext-replay": {up(t, hs(1, "echo of 12 b")), up(t, hs(2, "echo of 12 b")), datagram(t, stranger, gateway,
			hs(3, "other echo 1").bytes())},
		"ciphertext-after-4.01": {up(t, request(1, "h", wire.ContentFormatHandshake512, v.handshake())),
			down(t, message{ack, unauthorized, 1, "h", []option{echo("echo of 12 b")}, []byte("echo")}),
			up(t, hs(2, "echo of 12 b")), up(t, hs(3, "echo of 12 b"))},
		"response-of-another-session": {rec(1, 1), down(t, response(1, "t", testKeys(512, v.EK).answer(t, 1, 1, "ok")))},
		"response-unpaired":           {down(t, response(1, "t", k.answer(t, 1, 1, "ok")))},
	} {
		t.Run(name, func(t *testing.T) {
			capture := ethernet(t, 0, ps...)
			got := fields(t, capture)
			golden(t, "seen-"+name, got+"with keys\n"+fields(t, capture, withKeys(t, v.keylog())...))
			// A second pass must not take the first for an earlier packet: the
			// same findings, and only response_in is added.
			if again := fields(t, capture, "-2"); withoutResponseIn(again) != withoutResponseIn(got) {
				t.Errorf("two passes: got\n%swant\n%s", again, got)
			}
		})
	}
}
