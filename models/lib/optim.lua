-- Optimisers, schedules, and the groups of parameters they serve.
local optim = {}

-- m = momentum * m + g + decay * p;  p = p - lr * m
function optim.sgd(t)
  return {rule = "sgd", lr = t.lr, momentum = t.momentum, decay = t.decay}
end

-- Decoupled weight decay; eps is added before the bias correction.
function optim.adamw(t)
  return {rule = "adamw", lr = t.lr, beta1 = t.betas[1], beta2 = t.betas[2],
          eps = t.eps, decay = t.decay}
end

-- Warm-up from `ratio` over `warmup` micro-batches, then a tenth at each of
-- the epochs `at`.
function optim.step_decay(c)
  return {policy = "step", warmup = c.warmup, ratio = c.warmup_ratio,
          gamma = 0.1, at = c.drop_lr_at}
end

-- Warm-up, then half a cosine down to `floor` at the end of the run.
function optim.cosine(c)
  return {policy = "cosine", warmup = c.warmup, ratio = c.warmup_ratio,
          floor = c.lr_floor}
end

-- The table of phase("update", ...):
-- {clip =, accumulate =, schedule =, {pattern, rule}, ...}; the first pattern
-- that matches a parameter's name wins.
function optim.groups(t)
  local u = {clip = t.clip, accumulate = t.accumulate, groups = {}}
  for key, value in pairs(t.schedule) do u[key] = value end
  for i, pair in ipairs(t) do
    local group = {pattern = pair[1]}
    for key, value in pairs(pair[2]) do group[key] = value end
    u.groups[i] = group
  end
  return u
end

return optim
