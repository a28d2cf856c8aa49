# Prints session_bench's figures as a table, beside the anchors of the same library
# measured by itself.
BEGIN {
	printf "%-34s %12s %8s %12s\n", "RV32IMAFC, -O2, ML-KEM-512", "instructions", "stack B", "anchor"
	title["sha256-64"] = "SHA-256 of 64 B"
	title["hkdf-32"] = "HKDF-SHA-256, 32 B"
	title["ccm-seal-64"] = "AES-128-CCM, seal 64 B"
	title["ccm-open-64"] = "AES-128-CCM, open 64 B"
	title["key-schedule"] = "key schedule"
	title["record-seal-64"] = "seal a record of 64 B"
	title["record-open-64"] = "open a record of 64 B"
	title["handshake-sender"] = "handshake, sender"
	title["handshake-gateway"] = "handshake, gateway"
	title["message-sender"] = "message of 64 B, sender"
	title["message-gateway"] = "message of 64 B, gateway"
	anchor["hkdf-32"] = "about 55,000"
	anchor["ccm-seal-64"] = "about 15,000"
}

function commas(n,   s) {
	for (s = ""; n >= 1000; n = int(n / 1000)) s = sprintf(",%03d", n % 1000) s
	return n s
}

$1 in title { printf "%-34s %12s %8s %12s\n", title[$1], commas($2), commas($3), anchor[$1]; next }
sub(/^code-/, "", $1) { code = code sprintf("%s %s", code == "" ? "" : ",", $1 " " commas($2)); next }
{ print "session_table.awk: unknown figure: " $0 >"/dev/stderr"; bad = 1 }

END {
	print "Code and constants, bytes:" code "."
	print "A handshake has GET /pk and POST /msg with 64 B in its first flight, from the first datagram"
	print "to the confirmed session; ML-KEM is in it."
	exit bad
}
