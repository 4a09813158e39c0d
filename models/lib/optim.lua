-- Optimisers, schedules, and the groups of parameters they serve.
local optim = {}

-- m = momentum * m + (1 - dampening) * (g + decay * p);  p = p - lr * m
function optim.sgd(t)
  return {rule = "sgd", lr = t.lr, lr_mult = t.lr_mult, decay = t.decay,
          decay_mult = t.decay_mult, momentum = t.momentum,
          momentum_mult = t.momentum_mult, dampening = t.dampening,
          nesterov = t.nesterov}
end

-- Decoupled weight decay; eps is added before the bias correction.
function optim.adamw(t)
  local betas = t.betas or {}
  return {rule = "adamw", lr = t.lr, lr_mult = t.lr_mult, decay = t.decay,
          decay_mult = t.decay_mult, beta1 = betas[1], beta2 = betas[2],
          eps = t.eps, correct_bias = t.correct_bias}
end

-- Warm-up from `ratio` over `warmup` micro-batches, then a tenth at each of
-- the epochs `at`.
function optim.step_decay(c)
  return {policy = "step", warmup = c.warmup, ratio = c.warmup_ratio,
          gamma = 0.1, at = c.drop_lr_at}
end

-- Warm-up, then half a cosine down to `floor` at the end of the run.
function optim.cosine(c)
  return {policy = "cosine", by_epoch = false, warmup = c.warmup,
          ratio = c.warmup_ratio, floor = c.lr_floor}
end

-- The table of phase("update", ...):
-- {clip =, accumulate =, schedule =, {pattern, rule}, ...}; the first pattern
-- that matches a parameter's name wins.  `schedule` is a table with a policy,
-- made by the functions above or by hand.
function optim.groups(t)
  local u = {groups = {}}
  for key, value in pairs(t) do
    if math.type(key) ~= "integer" and key ~= "schedule" then u[key] = value end
  end
  for key, value in pairs(t.schedule) do u[key] = value end
  for i, pair in ipairs(t) do
    local group = {pattern = pair[1]}
    for key, value in pairs(pair[2]) do group[key] = value end
    u.groups[i] = group
  end
  return u
end

return optim
