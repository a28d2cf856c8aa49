// Package detect tells honest repeats from replays. Each detector stands in a
// file of its own; thresholds.go has every threshold with its reason.
//
// A frame goes through them in the order in which honest explanations
// exhaust themselves: a Wi-Fi retry, the access point's relay, a CoAP
// retransmission on its schedule; what none of them explains is a replay.
package detect
