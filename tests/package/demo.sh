# The demo learns: on a few small made-up pictures, whose class is where they are bright, from files named like those of the real data set.
# Usage: demo.sh PROGRAM
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

program=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 - "$folder" <<'END'
import gzip, random, struct, sys
random.seed(1)
for part, rows in (("train", 400), ("t10k", 100)):
    labels = bytes(i % 10 for i in range(rows))
    pixels = bytes(random.randrange(150, 256) if 78 * label <= p < 78 * (label + 1) else random.randrange(100)
                   for label in labels for p in range(784))
    with gzip.open(f"{sys.argv[1]}/{part}-labels-idx1-ubyte.gz", "wb") as f: f.write(struct.pack(">II", 0x801, rows) + labels)
    with gzip.open(f"{sys.argv[1]}/{part}-images-idx3-ubyte.gz", "wb") as f: f.write(struct.pack(">IIII", 0x803, rows, 28, 28) + pixels)
END

cd "$folder"
if output=$("$program" --folder "$folder" --epochs 3 2>&1); then pass "the demo runs"; else fail "the demo runs" "$output"; fi
last=$(tail -n 1 <<<"$output")
if [ "$last" = "test accuracy: 100.0 %" ]; then pass "and tells the classes apart"; else fail "and tells the classes apart" "$output"; fi
if [ -s fashion-mnist.safetensors ]; then pass "its net is saved"; else fail "its net is saved"; fi
if "$program" --folder /nowhere >/dev/null 2>&1; then fail "missing data is an error"; else pass "missing data is an error"; fi
finish
