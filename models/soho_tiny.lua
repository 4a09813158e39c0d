-- SOHO for visual question answering, small: it learns on two cores.  The
-- architecture is soho_res18's, and so are all of its parts.
local image, resnet, neck = use "image", use "resnet", use "neck"
local bert, heads, optim = use "bert", use "heads", use "optim"

local c = config({                 -- `sohoc --set name=value` replaces a field
  buckets = {{96, 128}, {128, 96}},               -- padded height, width
  long = 0, short = 0,             -- sides in pixels; 0: all that a bucket holds
  train_long = 0, train_short = {0, 0},           -- training draws the shorter
  batch = 32, sentences = 8, tokens = 16,         -- R = batch * sentences rows
  depth = 18, width = {16, 32, 64, 128}, strides = {2, 2, 1, 2, 2, 2},
  frozen_stages = 0, zero_last = false,           -- the stem keeps its draw
  hidden = 128, layers = 2, heads = 4, inner = 512, positions = 64,
  dropout = 0.1, head_dropout = 0.1,
  vocab = 128, answers = 13,       -- or files, which go into the plan
  compat = "fixed",                -- "upstream" masks as the official code does
  precision = "f32",
  lr = 5e-4, decay = 0.01,
  backbone_lr = 1e-2, backbone_decay = 1e-4, momentum = 0.9,
  warmup = 100, warmup_ratio = 0.1, lr_floor = 0.01, epochs = 20,
  accumulate = 2, clip = 4,
}, use "ranges")

local function answer(door)                       -- -> logits [R,A]
  local x = image.normalise(door.image, door.image_size)      -- [B,H,W,3]
  local map = resnet("backbone", x, c)                        -- [B,h,w,128]
  local seen, mask = neck.plain("neck", map, door, c)         -- [B,V,C], [B,V]
  local h = bert("language.bert", door.tokens, door.token_mask, seen, mask, c)
  return heads.vqa("head.vqa", h:at(2, 1), c)     -- row 1 of dimension 2: [CLS]
end

phase("train", function(door)                     -- backward is the compiler's
  local z = answer(door)
  local loss = heads.bce(z, door.answers)
  return {logits = z, loss = loss, loss_cls = loss,
          score = heads.score(z, door.answers)}
end)

phase("eval", function(door)
  local z = answer(door)
  return {logits = z, loss = heads.bce(z, door.answers),
          score = heads.score(z, door.answers),
          row_loss = heads.row_bce(z, door.answers),
          row_score = heads.row_score(z, door.answers),
          answer = op.arg_max {z}}
end)

phase("infer", {batch = 1, sentences = 1}, function(door)
  local z = answer(door)
  return {logits = z, prob = op.sigmoid {z}}
end)

phase("update", optim.groups {     -- the first pattern that matches wins
  clip = c.clip, accumulate = c.accumulate, schedule = optim.cosine(c),
  {"backbone.*", optim.sgd {lr = c.backbone_lr, momentum = c.momentum,
                            decay = c.backbone_decay}},
  {"*", optim.adamw {lr = c.lr, betas = {0.9, 0.999}, eps = 1e-6,
                     decay = c.decay}},
})
