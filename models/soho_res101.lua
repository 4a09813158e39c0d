-- SOHO for visual question answering as in the paper: ResNet-101, 12 layers.
local vqa, optim = use "vqa", use "optim"

local c = config({                 -- `sohoc --set name=value` replaces a field
  buckets = {{608, 1024}, {1024, 608}},           -- padded height, width
  long = 1000, short = 600,       -- sides in pixels; 0: as a bucket holds
  train_long = 1333, train_short = {400, 800},    -- training draws the shorter
  batch = 32, sentences = 1, tokens = 16,         -- R = batch * sentences rows
  depth = 101, width = {64, 128, 256, 512}, strides = {2, 2, 1, 2, 2, 2},
  dilations = {1, 1, 1, 1}, late_dilation = false, style = "pytorch",
  groups = 1, width_per_group = 64, se_ratio = 0,
  deep_stem = false, avg_down = false, zero_last = false,
  frozen_stages = 1, norm_eval = false, checkpointed = false,
  hidden = 768, layers = 12, heads = 12, inner = 3072, positions = 512,
  dropout = 0.1, head_dropout = 0.5,
  vocab = 30522, answers = 3129,   -- or files, which go into the plan
  compat = "upstream",             -- "fixed" masks by the true padded width
  precision = "f32", deterministic = true,
  lr = 1e-4, decay = 0.01,
  backbone_lr = 1e-2, backbone_decay = 1e-4, momentum = 0.9,
  warmup = 1000, warmup_ratio = 1 / 3, drop_lr_at = {12, 16}, epochs = 20,
  accumulate = 2, clip = 4,
}, use "ranges")

vqa(c)                             -- phases train, eval, infer

phase("update", optim.groups {     -- the first pattern that matches wins
  clip = c.clip, accumulate = c.accumulate, schedule = optim.step_decay(c),
  {"backbone.*", optim.sgd {lr = c.backbone_lr, momentum = c.momentum,
                            decay = c.backbone_decay}},
  {"*", optim.adamw {lr = c.lr, betas = {0.9, 0.999}, eps = 1e-6,
                     decay = c.decay}},
})
