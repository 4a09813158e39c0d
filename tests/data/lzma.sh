#!/bin/sh
# Members packed by LZMA: archives that Python's zipfile makes of pictures, with
# its own words for what is in them.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
python3 -c 'import lzma, zipfile' 2>/dev/null || {
	echo 'skip lzma: no python3 with lzma'
	exit
}
python3 - "$tmp" <<'EOF'
import hashlib, random, sys, zipfile
draw = random.Random(1)
rows = [("train2014/none.jpg", b"")]
for n in (1, 100, 4096, 70000, 3000000):
    rows.append((f"train2014/{n}.jpg", draw.randbytes(n)))
    rows.append((f"train2014/plain{n}.png", (b"soho %d " % n) * (n // 8 + 1)))
with zipfile.ZipFile(sys.argv[1] + "/a.zip", "w", zipfile.ZIP_LZMA) as z:
    for name, data in rows:
        z.writestr(name, data)
with open(sys.argv[1] + "/want", "w") as f:
    for name, data in rows:
        print(name, len(data), hashlib.sha256(data).hexdigest(), file=f)
EOF
"$SOHO_RT" data zip "$tmp/a.zip" >"$tmp/out" 2>&1
code=$?
sed '/^digest /d' "$tmp/out" >"$tmp/got"
if [ $code -eq 0 ] && cmp -s "$tmp/got" "$tmp/want"; then
	echo "ok lzma/python, $(grep -c '' "$tmp/want") members"
else
	echo "not ok lzma/python: exit $code, $(diff "$tmp/want" "$tmp/got" | head -n 3)"
fi
