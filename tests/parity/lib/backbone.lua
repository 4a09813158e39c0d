-- A backbone alone: its feature map, and the gradients of the map's product
-- with the numbers of door.answers.  To be compiled beside models/lib.
local image, resnet, optim = use "image", use "resnet", use "optim"
local nn = use "nn"

local c = config({
  buckets = {{37, 45}},
  batch = 2, sentences = 1, tokens = 1, answers = 1,   -- height * width * C
  depth = 50, width = {64, 128, 256, 512}, strides = {2, 2, 1, 2, 2, 2},
  dilations = {1, 1, 1, 1}, late_dilation = false, style = "pytorch",
  groups = 1, width_per_group = 64, se_ratio = 0,
  deep_stem = false, avg_down = false, zero_last = false,
  frozen_stages = -1, norm_eval = false, checkpointed = false,
  warmup = 0, warmup_ratio = 0, lr_floor = 0, epochs = 1,
}, use "ranges")

local function map(door)
  local x = image.normalise(door.image, door.image_size)
  return resnet("backbone", x, c)
end

-- Running statistics other than 0 and 1, for networks that do not learn them.
if c.norm_eval then
  phase("train", {norm_eval = false, buckets = {{96, 128}}}, function(door)
    return {loss = nn.mean(map(door), 1)}
  end)
end

phase("train", function(door)
  local y = map(door)
  return {map = y, loss = nn.mean(y * door.answers:reshape(y:shape()), 1)}
end)

phase("eval", function(door) return {map = map(door)} end)

phase("update", optim.groups {
  clip = 0, accumulate = 1, schedule = optim.cosine(c),
  {"*", optim.sgd {lr = 0, momentum = 0, decay = 0}},
})
