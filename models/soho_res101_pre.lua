-- SOHO's pre-training as in the paper: ResNet-101, a dictionary of 2048 entries,
-- 12 layers.
local pretrain, optim = use "pretrain", use "optim"

local c = config({                 -- `sohoc --set name=value` replaces a field
  buckets = {{608, 1024}, {1024, 608}},           -- padded height, width
  long = 1000, short = 600,       -- sides in pixels; 0: as a bucket holds
  train_long = 1000, train_short = {600, 600},    -- training draws the shorter
  batch = 16, sentences = 4, tokens = 16,         -- R = batch * sentences rows
  depth = 101, width = {64, 128, 256, 512}, strides = {2, 2, 1, 2, 2, 2},
  dilations = {1, 1, 1, 1}, late_dilation = false, style = "pytorch",
  groups = 1, width_per_group = 64, se_ratio = 0,
  deep_stem = false, avg_down = false, zero_last = false,
  frozen_stages = 1, norm_eval = false, checkpointed = true,
  use_qa = false, use_answer = false,
  codes = 2048, vd_decay = 0.4, mask_prob = 0.015, join = "gate",
  hidden = 768, layers = 12, heads = 12, inner = 3072, positions = 512,
  dropout = 0.1,
  vocab = 30522,                   -- or a file, which goes into the plan
  compat = "upstream",             -- "fixed": see README.md in this folder
  precision = "f32", deterministic = true,
  lr = 1e-4, decay = 0.01,
  backbone_lr = 1e-2, backbone_decay = 1e-4, momentum = 0.9,
  warmup = 1000, warmup_ratio = 1 / 3, drop_lr_at = {25, 35}, epochs = 40,
  accumulate = 2, clip = 10,
}, use "ranges")

pretrain(c)                        -- phases train, eval, infer

phase("update", optim.groups {     -- the first pattern that matches wins
  clip = c.clip, accumulate = c.accumulate, schedule = optim.step_decay(c),
  {"backbone.*", optim.sgd {lr = c.backbone_lr, momentum = c.momentum,
                            decay = c.backbone_decay}},
  {"*", optim.adamw {lr = c.lr, betas = {0.9, 0.999}, eps = 1e-6,
                     decay = c.decay}},
})
