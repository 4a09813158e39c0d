#!/bin/sh
# The one text form: parse reads exactly what print writes, after every pass
# up to fuse; a damaged text is refused with its line.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

for pass in front infer grad expand fold cse dce layout fuse; do
    "$SOHOC" models/soho_tiny.lua -t null -d "$pass" >"$tmp/a.txt"
    "$SOHOC" "$tmp/a.txt" -t null -d front >"$tmp/b.txt"
    cmp -s "$tmp/a.txt" "$tmp/b.txt" && echo "ok round trip after $pass" ||
        echo "not ok round trip after $pass"
done

cat >"$tmp/m.txt" <<'END'
soho 1
meta "config.batch" "2"
param w f32[2,3] fill=0.10000000000000001 trainable  ; lib/nn.lua:3 < m.lua:9
update clip=4 accumulate=2 loss_scale=128 dynamic=1 scale_window=2000 max_scale=128
schedule lr policy="cosine_restart" shape="linear" by_epoch=1 warmup=10 warmup_by_epoch=0 ratio=0.1 gamma=0.1 power=1 floor=0.5 min_lr=0 total=0 every=0 high=10 low=0.0001 cycles=1 up=0.4 at=[12,16] weight=[1,0.5]
optim "*" rule="sgd" lr=0.01 beta1=0.9 beta2=0.999 eps=1e-06 decay=0 momentum=0.9 dampening=0.5 nesterov=1 correct_bias=1  ; m.lua:20
func infer@8x8 infer batch=2 sentences=1 tokens=0 answers=0 height=8 width=8
%0 load  f32[2,3]  tensor="w"  "w"  ; m.lua:3
%1 sum %0  f32[1,3]  first=0 count=1  ; m.lua:4
out y %1
end
answer "a \"b\" \\ \x1b"
vocab 3 5b0a5d
END
"$SOHOC" "$tmp/m.txt" -t null -d front >"$tmp/a.txt"
cat "$tmp/a.txt" >"$tmp/b.txt"
sed -i 's/fill=0.10000000000000001/fill=0.1/' "$tmp/m.txt"
cmp -s "$tmp/m.txt" "$tmp/a.txt" && echo "ok every kind of line" ||
    echo "not ok every kind of line: $(diff "$tmp/m.txt" "$tmp/a.txt")"

# refuse NAME LINE SED: the changed text is refused at that line
refuse() {
    sed "$3" "$tmp/m.txt" >"$tmp/bad.txt"
    "$SOHOC" "$tmp/bad.txt" -t null -d front >/dev/null 2>"$tmp/err"
    status=$?
    if cmp -s "$tmp/bad.txt" "$tmp/m.txt"; then
        echo "not ok $1: nothing was changed"
    elif [ "$status" -eq 3 ] && grep -q "bad.txt:$2: " "$tmp/err"; then
        echo "ok $1"
    else
        echo "not ok $1: status $status, $(sed 1q "$tmp/err")"
    fi
}
refuse "unknown op" 9 's/%1 sum/%1 summ/'
refuse "unknown attribute" 9 's/first=0/frist=0/'
refuse "attribute twice" 9 's/first=0/count=0/'
refuse "attribute missing" 9 's/first=0 //'
refuse "fraction for an integer" 9 's/first=0/first=0.5/'
refuse "input of itself" 9 's/sum %0/sum %1/'
refuse "input of the future" 9 's/sum %0/sum %7/'
refuse "input of no output" 9 's/sum %0/sum %0.1/'
refuse "too many inputs" 9 's/sum %0/sum %0 %0/'
refuse "node out of turn" 9 's/^%1/%2/'
refuse "rank of 7" 9 's/f32\[1,3\]/f32[1,1,1,1,1,1,3]/'
refuse "dimension 0" 3 's/f32\[2,3\] fill/f32[2,0] fill/'
refuse "a tensor of 2^56 elements" 3 's/f32\[2,3\] fill/f32[268435456,268435456] fill/'
refuse "tensor twice" 4 's/^\(param.*\)$/\1\n\1/'
refuse "tensor unknown" 8 's/tensor="w"/tensor="v"/'
refuse "type of a load" 8 's/load  f32\[2,3\]/load  f32[3,2]/'
refuse "name with a slash" 3 's/param w/param w\/x/'
refuse "place with a quote" 9 's/m.lua:4/m".lua:4/'
refuse "output unknown" 10 's/out y %1/out y %2/'
refuse "output twice" 11 's/^\(out y.*\)$/\1\n\1/'
refuse "phase without end" 12 's/^end$//'
refuse "unfinished string" 2 's/"2"/"2/'
refuse "list of 9" 5 's/\[12,16\]/[1,2,3,4,5,6,7,8,9]/'
refuse "policy unknown" 5 's/"cosine_restart"/"cosine_restarts"/'
refuse "shape of a warm-up unknown" 5 's/"linear"/"quadratic"/'
refuse "schedule of something else" 5 's/schedule lr/schedule eps/'
refuse "schedule twice" 6 's/^\(schedule.*\)$/\1\n\1/'
refuse "a weight too few" 5 's/weight=\[1,0.5\]/weight=[1]/'
refuse "rule unknown" 6 's/"sgd"/"adam"/'
refuse "vocabulary cut" 13 's/5b0a5d/5b0a/'
refuse "line unknown" 10 's/out y/aus y/'

sed 's/sum %0  f32\[1,3\]/sum %0  f32[1,4]/' "$tmp/m.txt" >"$tmp/bad.txt"
"$SOHOC" "$tmp/bad.txt" -t null -d front >/dev/null 2>"$tmp/err"
status=$?
[ "$status" -eq 3 ] && grep -q 'bad.txt: %1 of infer@8x8 is f32\[1,3\]' "$tmp/err" &&
    echo "ok shape that the op does not give" ||
    echo "not ok shape that the op does not give: $(sed 1q "$tmp/err")"
