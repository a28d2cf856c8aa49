package detect

import "time"

// Every threshold of the detectors, in one place, with its reason.
const (
	// D1: link retries.
	ringSize       = 64                     // a block ack window: what a sender may still repeat
	retryWithin    = time.Second            // drivers give up on a frame long before
	sameUnder      = 50 * time.Microsecond  // less than any frame, its missed acknowledgement and the next try take
	duplicateUnder = 500 * time.Microsecond // less than the time that a repeat needs on air
	unmarkedWithin = 20 * time.Millisecond  // some firmware forgets the retry bit; then nothing newer has gone out

	// D2: packet numbers.
	pnWindow  = 64 // reordering within a block ack window
	pnPending = 64 // low numbers in a row without the old count going on: a rekey that was not heard
	pnWiden   = 4  // a new count's step past the old one is at most this many of its widest before
	pnCloser  = 8  // after one low number: so much closer to the highest counts as going on from it

	// D0: handshakes.
	message1Within = time.Second           // message 1 between message 3s
	message4Grace  = 50 * time.Millisecond // message 3 may have been under way when message 4 came

	// D3: content.
	fingerprints = 1 << 20         // exact ones kept; older go into a Bloom filter
	relayWithin  = 2 * time.Second // an access point holds frames for a sleeping station
	seqWindow    = 64              // RFC 8613 §7.4: smaller reordering is honest

	// D4: CoAP timing (RFC 7252 §4.8).
	ackTimeout       = 2.0               // s, ACK_TIMEOUT
	ackTimeoutMost   = 3.0               // s, ACK_TIMEOUT · ACK_RANDOM_FACTOR
	maxRetransmit    = 4                 // MAX_RETRANSMIT
	slackShare       = 0.05              // of the interval: timers and clocks
	slackLeast       = 0.5               // s: queues of the network
	exchangeLifetime = 247 * time.Second // EXCHANGE_LIFETIME
	nonRepeatLow     = 45 * time.Second  // MAX_TRANSMIT_SPAN: a NON is not repeated after it
	nonRepeatMedium  = 145 * time.Second // NON_LIFETIME
	exchanges        = 1 << 17           // messages remembered
	foreignCopies    = 3                 // off-schedule copies of a payload that is not ours, before it counts as medium

	// D5: rates. The chart is a CUSUM of normal scores against a negative
	// binomial whose mean and variance follow by EWMA.
	binWidth      = 10 * time.Second
	ewmaLambda    = 0.03 // about 33 bins of memory
	overdispersed = 1.05 // variance is at least this times the mean
	scoreLow      = -3.0
	scoreHigh     = 6.0
	learnBelow    = 3.0  // an outlier must not teach the chart that it is normal
	cusumSlack    = 0.75 // shifts below it are drift
	cusumAlarm    = 12.0
	scoreAlarm    = 5.9
	tailAlarm     = 1e-8 // more than the tail beyond scoreAlarm, 1.8e-9: what is above it needs no score
	countMost     = 1e7  // events in a bin that no link carries
	warmUpBins    = 12
	quietBins     = 400 // empty bins after which a chart changes no more
	normalAbove   = 500 // mean from which the normal distribution is as good
	rateKeys      = 1 << 16
	gatewaysMax   = 1 << 10
	// A gateway opens at most 10 handshakes a second and a burst of 10: more
	// than that in a bin's width is a flood whatever came before.
	floodHandshakes = 110
	priorMean       = 0.3 // of a key that is new and no other has taught: events in a bin

	// Tables.
	flowsMax    = 1 << 14
	sessionsMax = 1 << 14
	devicesMax  = 1 << 14
	incidentGap = 5 * time.Minute // silence that ends an incident
	incidentMax = 1 << 12
)
