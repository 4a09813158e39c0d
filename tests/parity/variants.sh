#!/bin/sh
# ResNeXt, a dilated ResNet and SE-ResNet V1d, all with norm_eval, against
# torchvision's, changed where it has no such option.
TOOLS=$(dirname "$SOHOC")/tools WORK=$TMPDIR/parity-variants
mkdir -p "$WORK" || exit 1
. tests/parity/lib/case.sh
. tests/parity/lib/backbone.sh
backbone_golden resnext50 dilated seresnet50_v1d
