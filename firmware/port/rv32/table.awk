# Prints the figures of one or two files (ours, mlkem-native) as one table.
FNR == 1 { file++ }
{ a[file, $1, $2] = $3; b[file, $1, $2] = $4 }

function commas(n,   s) {
	for (s = ""; n >= 1000; n = int(n / 1000)) s = sprintf(",%03d", n % 1000) s
	return n s
}

function row(set, op,   f, line) {
	line = sprintf("%-12s %-8s", "ML-KEM-" set, op)
	for (f = 1; f <= file; f++)
		line = line sprintf(" %12s %8s %8s", commas(a[f, set, op]), commas(b[f, set, op]), commas(a[f, set, "code"]))
	if (file == 2)
		line = line sprintf("  %3.0f %%", 100 * a[1, set, op] / a[2, set, op])
	print line
}

END {
	if (file == 2)
		printf "%-21s %30s %30s\n", "", "this project", "mlkem-native"
	printf "%-21s", "RV32IMAFC, -O2"
	for (f = 1; f <= file; f++)
		printf " %12s %8s %8s", "instructions", "stack B", "code B"
	print file == 2 ? "  instr." : ""
	split("512 768 1024", sets, " ")
	split("keypair encaps decaps", ops, " ")
	for (i = 1; i <= 3; i++)
		for (j = 1; j <= 3; j++)
			row(sets[i], ops[j])
	printf "Keccak-f[1600]: %s instructions. Decapsulation of 80 ciphertexts under one key, half of them\n", commas(a[1, 512, "keccak-f1600"])
	printf "tampered with: spread %d instructions.\n", spread()
}

function spread(   i, worst, d) {
	for (i = 1; i <= 3; i++) {
		d = b[1, sets[i], "spread"] - a[1, sets[i], "spread"]
		if (d > worst) worst = d
	}
	return worst + 0
}
