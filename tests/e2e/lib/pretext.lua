-- A model as small as it goes with the doors of pre-training: mean colour and
-- mean word say whether a sentence belongs to a picture, each word says which
-- id it hides.
local c = config {buckets = {{48, 64}, {64, 48}}, batch = 4, sentences = 3,
                  tokens = 12, vocab = 128, width = 16, long = 64, short = 48,
                  use_qa = false, use_answer = false, accumulate = 2}

local function linear(name, x, n)
  return op.linear {x, param(name .. ".weight", {n, x:dim(-1)},
                             init.normal(0.1)),
                    param(name .. ".bias", {n}, init.zero)}
end

local function mean(x) return (x:sum(1, #x:shape()) * (1 / x:dim(1))):reshape {} end

-- Of the cells that are asked for.
local function part(x, asked)
  local all = #x:shape()
  return ((x * asked):sum(1, all) / (asked:sum(1, all) + 1e-6)):reshape {}
end

local function build(door)
  local R = c.batch * c.sentences
  local ids = door.tokens:reshape {R, c.tokens}
  local known = op.float {door.token_mask}:reshape {R, c.tokens, 1}
  local word = op.gather {param("word", {c.vocab, c.width}, init.normal(1)),
                          ids}
  local x = op.normalise {door.image, door.image_size,
                          mean = {128, 128, 128}, std = {64, 64, 64}}
  local colour = (x:sum(2, 2) * (1 / 1024)):reshape {c.batch, 1, 3}
  colour = colour:broadcast {c.batch, c.sentences, 3}:reshape {R, 3}
  local z = linear("itm", op.relu {linear("see", colour, c.width) +
                   linear("read", (word * known):sum(2):reshape {R, c.width},
                          c.width)}, 1):reshape {R}
  local belongs = op.float {door.itm_labels}:reshape {R}
  local label = op.float {door.mlm_labels}:reshape {R, c.tokens}
  local asked = op.greater {label, -0.5}
  local miss = linear("mlm", word, 1):reshape {R, c.tokens} - label * (1 / 128)
  local match, mlm = mean(op.bce {z, belongs}), part(miss * miss, asked)
  local yes = op.greater {z, 0.0}
  return {loss = match + mlm, loss_match = match, loss_mlm = mlm,
          acc_match = mean(1 - (yes - belongs) * (yes - belongs)),
          acc_l = part(op.greater {0.1, miss * miss}, asked)}
end

phase({"train", "eval"}, build)
phase("update", {clip = 10, accumulate = c.accumulate, policy = "step",
                 warmup = 1, ratio = 1, gamma = 0.1, at = {1000},
                 groups = {{pattern = "*", rule = "adamw", lr = 3e-3,
                            beta1 = 0.9, beta2 = 0.999, eps = 1e-6,
                            decay = 0.01}}})
