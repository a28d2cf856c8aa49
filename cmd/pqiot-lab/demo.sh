#!/bin/sh
# The whole of it without a board, in two scenes: the paper's evaluation, and a
# replay attack. Called by make demo, from the top of the project; BIN is the
# folder of the programs, OUT that of what comes of it.
set -eu

bin=${BIN:-bin}
out=${OUT:-demo}
mkdir -p "$out"
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
trap 'exit 1' INT TERM
export WIRESHARK_CONFIG_DIR="$profile" LC_ALL=C.UTF-8

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
else
	say() { printf '\n%s\n' "$*"; }
fi
# What a person would type, then what it prints.
run() {
	printf '\n$ %s\n' "$*"
	program=$1
	shift
	"$bin/$program" "$@"
}

# Time, who, what; without the access point's copies, retries and housekeeping.
# tshark's own remarks go aside; they are shown where it fails.
look() {
	tshark -r "$1" -X lua_script:dissector/pqiot.lua -o nameres.network_name:FALSE -T fields -E separator=/t \
		-Y "($2) && !(wlan.fc.retry == 1) && !(wlan.fc.fromds == 1)" \
		-e frame.number -e frame.time_relative -e ip.src -e pqiot_console.board -e _ws.col.Info \
		2>"$profile/stderr" >"$profile/stdout" || { cat "$profile/stderr" >&2; return 1; }
	awk -F '\t' '{
		sub(/^[a-z]+: /, "", $5)
		printf "%5d %10.6f  %-13s %.110s\n", $1, $2, $3 $4, $5
	}' "$profile/stdout"
}

say 'Scene 1, the paper: join, fetch the key, shake hands, send, show.'
run pqiot-lab run paper --out "$out/paper.pcapng" --truth "$out/paper.jsonl"
if command -v tshark >/dev/null; then
	say 'Radio, consoles, LED and screen on one time line, as Wireshark shows them:'
	look "$out/paper.pcapng" 'coap || pqiot_console || dhcp || arp' |
		sed -n '1,/acknowledged/p'
else
	say 'tshark is not here: open the capture in Wireshark to see it.'
fi
run pqiot-analyze "$out/paper.pcapng"

say 'Scene 2, an attack: somebody sends one of the datagrams twenty times more.'
run pqiot-lab run replay-burst --out "$out/burst.pcapng" --truth "$out/burst.jsonl"
status=0
run pqiot-analyze --html "$out/burst.html" "$out/burst.pcapng" || status=$?
printf '\nexit status %d: %s\n' "$status" "$([ "$status" = 1 ] && echo 'incidents were found' || echo 'an incident was expected')"
printf 'frames that the lab knows to be replays: %s\n' "$(grep -c '"label":"replay"' "$out/burst.jsonl")"
[ "$status" = 1 ]

say 'What next:'
cat <<TXT
  wireshark -X lua_script:dissector/pqiot.lua $out/paper.pcapng
  xdg-open $out/burst.html                   the incident with plots, one file
  $bin/pqiot-lab list                        what else can happen
  $bin/pqiot-lab run krack --wpa 'home:correct horse' --out krack.pcapng
  make install && wireshark -k -i pinecone-sim     live, through the capture interface
  $bin/pqiot-extcap doctor                   with real boards: what is missing
TXT
