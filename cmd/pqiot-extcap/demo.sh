#!/bin/sh
# The main job without a board: the sniffer's C core as a process, its serial
# line a pseudo-terminal, pqiot-extcap behind it, and tshark in front. Called
# by make demo, from the top of the project.
set -eu

out=demo/pinecone.pcapng
ssid=pqiot-lab
passphrase='pinecone on the air'
frames=212 # of firmware/lab/sample/sample.pcapng, which the simulated radio hears

mkdir -p demo
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT INT TERM
mkdir "$profile/extcap"
ln -s "$PWD/bin/pqiot-extcap" "$profile/extcap/pqiot-extcap"
export WIRESHARK_CONFIG_DIR="$profile"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n%s\n' "$*"; }

# tshark's own remarks (it runs as root here) go aside; they are shown where
# it fails.
run_tshark() {
	tshark "$@" 2>"$profile/stderr" || { cat "$profile/stderr" >&2; return 1; }
}

say 'Capture interfaces that Wireshark finds:'
run_tshark -D | grep -i pinecone

say "Capturing $frames frames on pinecone-sim (beacons and acknowledgements are not printed):"
run_tshark -l -i pinecone-sim -c "$frames" -w "$out" -P \
	-X lua_script:dissector/pqiot.lua -o pqiot.keylog:firmware/lab/sample/sample.keylog \
	-o wlan.enable_decryption:TRUE -o "uat:80211_keys:\"wpa-pwd\",\"$passphrase:$ssid\"" |
	grep -v -e 'Beacon frame' -e 'Acknowledgement, Flags'

say 'The session, decrypted with the key log:'
run_tshark -r "$out" -X lua_script:dissector/pqiot.lua -o pqiot.keylog:firmware/lab/sample/sample.keylog \
	-o wlan.enable_decryption:TRUE -o "uat:80211_keys:\"wpa-pwd\",\"$passphrase:$ssid\"" \
	-Y 'pqiot && wlan.fc.tods == 1' -T fields -E header=y \
	-e frame.number -e ip.src -e ip.dst -e pqiot.sid -e pqiot.seq -e pqiot.text

say 'What the analyzer makes of it:'
bin/pqiot-analyze --wpa "$ssid:$passphrase" "$out"

say "The capture is in $out. What next:"
cat <<TXT
  make install                      put the interface and the dissector where Wireshark looks
  wireshark -k -i pinecone-sim      the same, live and in colour
  bin/pqiot-extcap doctor           with a board: what is missing, and how to mend it
TXT
