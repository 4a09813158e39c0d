-- A model with a buffer of every role: two optimiser groups, a frozen weight,
-- running statistics, two buckets, dropout.
local c = config {
  buckets = { {16, 16}, {16, 24} }, batch = 2, sentences = 1, tokens = 5,
  answers = 7, hidden = 16,
}

local function answer(door, train)
  local x = op.normalise{door.image, door.image_size,
                         mean = {1, 2, 3}, std = {4, 5, 6}}
  local w = param("backbone.conv.weight", {8, 3, 3, 3}, init.normal(0.1))
  local f = param("backbone.stem.weight", {8, 8, 1, 1}, init.normal(0.3),
                  {trainable = false})
  x = op.conv2d{op.conv2d{x, w, stride = 2, pad = 1}, f}
  x = op.batch_norm{x, param("backbone.bn.weight", {8}, init.one),
                    param("backbone.bn.bias", {8}, init.zero),
                    state("backbone.bn.running_mean", {8}, init.zero),
                    state("backbone.bn.running_var", {8}, init.one),
                    train = train}
  x = op.relu{x}
  local size = c.batch * 8
  x = op.sum{op.sum{x, first = 2, count = 1}, first = 3, count = 1}
  x = op.reshape{x, dims = {c.batch, 8}}
  local words = param("words", {11, c.hidden}, init.normal(0.02))
  local h = op.gather{words, door.tokens}
  h = op.reshape{op.sum{h, first = 3, count = 1}, dims = {c.batch, c.hidden}}
  h = op.dropout{op.concat{x, h, dim = 2}, p = 0.1, site = "drop"}
  return op.linear{h, param("head.weight", {c.answers, 8 + c.hidden},
                            init.normal(0.1)),
                   param("head.bias", {c.answers}, init.zero)}
end

phase("infer", function(door) return {logits = answer(door, 0)} end)
phase("train", function(door)
  local t = op.reshape{door.answers, dims = {c.batch, c.answers}}
  local z = answer(door, 1)
  local loss = op.sum{op.bce{z, t}, first = 1, count = 2}
  return {logits = z, loss = loss}
end)
phase("update", {
  clip = 1, accumulate = 2, policy = "fixed", warmup = 10, ratio = 0.1,
  groups = {
    {pattern = "backbone.*", rule = "sgd", lr = 0.1, momentum = 0.9},
    {pattern = "*", rule = "adamw", lr = 0.001, decay = 0.01},
  },
})
