-- SOHO for visual question answering, small: it learns on two cores.  The
-- architecture is soho_res18's, and so are all of its parts.
local vqa, optim = use "vqa", use "optim"

local c = config({                 -- `sohoc --set name=value` replaces a field
  buckets = {{96, 128}, {128, 96}},               -- padded height, width
  long = 0, short = 0,            -- sides in pixels; 0: as a bucket holds
  train_long = 0, train_short = {0, 0},           -- training draws the shorter
  batch = 16, sentences = 8, tokens = 12,         -- R = batch * sentences rows
  depth = 18, width = {32, 32, 64, 128}, strides = {2, 2, 1, 2, 2, 1},
  dilations = {1, 1, 1, 1}, late_dilation = false, style = "pytorch",
  groups = 1, width_per_group = 64, se_ratio = 0,
  deep_stem = false, avg_down = false, zero_last = false,
  frozen_stages = 0, norm_eval = false,           -- the stem keeps its draw
  checkpointed = false,
  hidden = 128, layers = 2, heads = 4, inner = 512, positions = 64,
  spread = 0.07, dropout = 0.05, head_dropout = 0.05,
  vocab = 128, answers = 13,       -- or files, which go into the plan
  compat = "fixed",                -- "upstream" masks as the official code does
  precision = "f32", deterministic = true,
  lr = 1e-3, backbone_lr = 2e-3, decay = 0.01,                     -- AdamW
  neck_lr = 1e-2, neck_decay = 1e-4, momentum = 0.9,               -- SGD
  warmup = 400, warmup_ratio = 0.1, lr_floor = 0.02, epochs = 8,
  accumulate = 2, clip = 20,
}, use "ranges")
use("nn").spread = c.spread

vqa(c)                             -- phases train, eval, infer

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
