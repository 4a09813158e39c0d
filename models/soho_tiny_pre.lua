-- SOHO's pre-training, small: the same parts as soho_res18_pre's, for newcomers
-- and tests.  What it learns is a beginning for soho_tiny.
local pretrain, optim = use "pretrain", use "optim"

local c = config({                 -- `sohoc --set name=value` replaces a field
  buckets = {{96, 128}, {128, 96}},               -- padded height, width
  long = 0, short = 0,            -- sides in pixels; 0: as a bucket holds
  train_long = 0, train_short = {0, 0},           -- training draws the shorter
  batch = 16, sentences = 8, tokens = 12,         -- R = batch * sentences rows
  depth = 18, width = {32, 32, 64, 128}, strides = {2, 2, 1, 2, 2, 1},
  dilations = {1, 1, 1, 1}, late_dilation = false, style = "pytorch",
  groups = 1, width_per_group = 64, se_ratio = 0,
  deep_stem = false, avg_down = false, zero_last = false,
  frozen_stages = -1, norm_eval = false,          -- the stem learns, too
  checkpointed = false, use_qa = false, use_answer = false,
  codes = 32, vd_decay = 0.9, mask_prob = 0.05, join = "gate",
  hidden = 128, layers = 2, heads = 4, inner = 512, positions = 64,
  spread = 0.12, dropout = 0.05,
  vocab = 128,                     -- or a file, which goes into the plan
  compat = "fixed",                -- "upstream" masks as the official code does
  precision = "f32", deterministic = true,
  lr = 1e-3, backbone_lr = 2e-3, decay = 0.01,                     -- AdamW
  neck_lr = 0.2, neck_decay = 0, momentum = 0.9,                   -- SGD
  warmup = 200, warmup_ratio = 0.1, lr_floor = 0.02, epochs = 10,
  accumulate = 1, clip = 20,
}, use "ranges")
use("nn").spread = c.spread

pretrain(c)                        -- phases train, eval, infer

local function adamw(lr)
  return optim.adamw {lr = lr, betas = {0.9, 0.999}, eps = 1e-6,
                      decay = c.decay}
end

phase("update", optim.groups {     -- the first pattern that matches wins
  clip = c.clip, accumulate = c.accumulate, schedule = optim.cosine(c),
  {"neck.*", optim.sgd {lr = c.neck_lr, momentum = c.momentum,
                        decay = c.neck_decay}},
  {"backbone.*", adamw(c.backbone_lr)},
  {"*", adamw(c.lr)},
})
