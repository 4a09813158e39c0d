#!/bin/sh
# The shipped models: official names, shapes, frozen parts and starting values;
# every field of the config does what it says.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# text MODEL OPTION...: the program, in $tmp/out
text() {
    model=$1
    shift
    "$SOHOC" "models/$model.lua" -t null -d infer "$@" >"$tmp/out" 2>"$tmp/err"
}

text soho_res18
grep -E '^(param|state) ' "$tmp/out" | sed 's/ *;.*//' |
    awk '{ if (split($4, v, "=") == 2) $4 = v[1] "=" sprintf("%.6g", v[2])
           print }' | LC_ALL=C sort >"$tmp/names"
grep -v '^#' tests/front/lib/soho_res18.names | LC_ALL=C sort >"$tmp/official"
diff "$tmp/official" "$tmp/names" >"$tmp/diff" &&
    echo "ok official names of soho_res18: $(wc -l <"$tmp/names")" ||
    echo "not ok official names of soho_res18: $(sed -n 2p "$tmp/diff")"

# counts NAME PHASES PARAMS OPTION...: of soho_tiny
counts() {
    name=$1 phases=$2 params=$3
    shift 3
    text soho_tiny "$@"
    got="$(grep -c '^func ' "$tmp/out") $(grep -c '^param ' "$tmp/out")"
    if [ "$got" = "$phases $params" ]; then
        echo "ok $name"
    else
        echo "not ok $name: $got, expected $phases $params, $(sed 1q "$tmp/err")"
    fi
}

# has NAME TEXT: the last program has such a line
has() {
    grep -q -- "$2" "$tmp/out" && echo "ok $1" ||
        echo "not ok $1: no line with $2"
}
counts "soho_tiny" 6 106
has "rows image-major" '^%[0-9]* broadcast .* f32\[16,8,12,128\]'
has "a frozen stem" '^param backbone.conv1.weight f32\[32,3,7,7\] normal=[0-9.]*  ;'
has "both optimisers" '^optim "neck.\*" rule="sgd"'
has "the config goes along" '^meta "config.buckets" "96x128,128x96"'
has "eval gives the loss of each row" '^out row_loss'
has "pictures fill the buckets" '^meta "config.long" "0"'
counts "one size of pictures" 3 106 --set image=128x160 --set batch=4
has "the phase says its size" '^func train@128x160 train batch=4 sentences=8'
has "infer asks one question" '^func infer@128x160 infer batch=1 sentences=1'
counts "three buckets" 9 106 --set buckets=96x128,128x96,128x128
counts "bottlenecks" 6 205 --set depth=50
counts "nothing frozen" 6 106 --set frozen_stages=-1
has "the stem learns" '^param backbone.conv1.weight .* trainable'
has "and follows the batch" '^%[0-9]* batch_norm .* train=1 *"backbone.bn1"'
counts "last norms at 0" 6 106 --set zero_last=true
has "layer1.0 starts as nothing" '^param backbone.layer1.0.bn2.weight f32\[32\] fill=0 '
counts "official mask" 6 106 --set compat=upstream
has "measured by the height" '^%[0-9]* valid_mask .* square=1'
counts "no dropout" 6 106 --set dropout=0 --set head_dropout=0
grep -q '^%[0-9]* dropout' "$tmp/out" && echo "not ok dropout 0 draws nothing" ||
    echo "ok dropout 0 draws nothing"
printf 'yes\nno\nred\n' >"$tmp/answers.txt"
counts "answers of a file" 6 106 --set "answers=$tmp/answers.txt"
has "the head counts them" '^param head.vqa.3.weight f32\[3,512\]'

# Backbones.
counts "ResNeXt 50 32x4d" 6 205 --set depth=50 --set groups=32 \
    --set width_per_group=4
has "its groups" '^param backbone.layer1.0.conv2.weight f32\[64,2,3,3\]'
has "a group's width" '^param backbone.layer4.0.conv2.weight f32\[256,8,3,3\]'
counts "holes in place of a stride" 6 106 --set strides=2,2,1,2,1,1 \
    --set dilations=1,1,1,2
has "in the first block" 'pad=2 dilation=2 *"backbone.layer4.0.conv1"'
has "the second is plain" 'pad=1 *"backbone.layer4.0.conv2"'
counts "late dilation" 6 205 --set depth=50 --set strides=2,2,1,2,1,1 \
    --set dilations=1,1,2,4 --set late_dilation=true
has "from the stage before" 'pad=2 dilation=2 *"backbone.layer4.0.conv2"'
has "from the second block on" 'pad=4 dilation=4 *"backbone.layer4.1.conv2"'
counts "the stride of caffe's style" 6 205 --set depth=50 --set style=caffe
has "on the 1x1" 'stride=2 *"backbone.layer2.0.conv1"'
counts "ResNet V1d" 6 112 --set deep_stem=true --set avg_down=true
has "three convolutions" '^param backbone.stem.2.conv.weight f32\[32,16,3,3\]'
has "behind an average" '^param backbone.layer2.0.downsample.1.weight'
counts "squeeze and excitation" 6 138 --set se_ratio=4
has "with biases" '^param backbone.layer4.1.se_layer.conv1.conv.bias f32\[32\]'
counts "norm_eval" 6 106 --set norm_eval=true
has "running statistics in training" 'train=0 *"backbone.layer4.1.bn2"'
has "norms still learn" '^param backbone.layer4.1.bn2.weight .* trainable'
for stages in -1 0 1 2 3 4; do
    text soho_tiny --set frozen_stages=$stages
    echo "$(grep -c '^param backbone.* trainable' "$tmp/out")" \
        "$(grep -c 'batch_norm .* train=1 *"backbone' "$tmp/out")"
done | paste -s -d , - >"$tmp/learn"
if [ "$(cat "$tmp/learn")" = '60 40,57 38,45 30,30 20,15 10,0 0' ]; then
    echo 'ok frozen stages: what learns, what follows the batch'
else
    echo "not ok frozen stages: $(cat "$tmp/learn")"
fi

# refused NAME MESSAGE OPTION...: soho_tiny with these
refused() {
    name=$1 message=$2
    shift 2
    if text soho_tiny "$@"; then
        echo "not ok $name: no error"
    elif grep -qF -- "error: resnet: $message" "$tmp/err"; then
        echo "ok $name"
    else
        echo "not ok $name: $(sed 1q "$tmp/err")"
    fi
}
refused "odd depth" 'depth is 18, 34, 50, 101 or 152, not 20' --set depth=20
refused "groups of basic blocks" 'depth 34 has no groups: 50, 101 and 152' \
    --set depth=34 --set groups=2
refused "few dilations" 'dilations: 4 stages, not 2' --set dilations=1,1
refused "few strides" 'strides: conv1, max-pool and 4 stages, not 4' \
    --set strides=1,2,2,2
refused "few widths" 'width: 4 stages, not 1' --set width=64
refused "average of 3x3 cells" 'avg_down: strides of stages are 1 or 2, not 3' \
    --set avg_down=true --set strides=2,2,1,2,2,3

# An optimiser group may serve frozen parameters alone, but not nothing.
plan() {
    "$SOHOC" "$1" -t null -o "$tmp/plan" --set frozen_stages=4 \
        >"$tmp/out" 2>"$tmp/err"
}
plan models/soho_tiny.lua && echo 'ok all of the backbone is frozen' ||
    echo "not ok all of the backbone is frozen: $(sed 1q "$tmp/err")"
mkdir "$tmp/models" && cp -r models/lib "$tmp/models"
sed 's/"backbone\.\*"/"backdoor.*"/' models/soho_tiny.lua >"$tmp/models/odd.lua"
if plan "$tmp/models/odd.lua"; then
    echo 'not ok a group of nothing: no error'
else
    grep -q "error: optimiser group 'backdoor.\*' matches no parameter" \
        "$tmp/err" && echo 'ok a group of nothing' ||
        echo "not ok a group of nothing: $(sed 1q "$tmp/err")"
fi
text soho_res101 && has "12 layers" 'bert.encoder.layer.11.output.dense.weight'
has "ResNet-101" '^param backbone.layer3.22.conv3.weight f32\[1024,256,1,1\]'
