#!/bin/sh
# ResNets against torchvision's: feature map in training and evaluation, every
# gradient, running statistics; once with batch statistics, once norm_eval.
TOOLS=$(dirname "$SOHOC")/tools WORK=$TMPDIR/parity-resnet
mkdir -p "$WORK" || exit 1
. tests/parity/lib/case.sh
. tests/parity/lib/backbone.sh
backbone_golden resnet34 norm_eval
