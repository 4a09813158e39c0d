-- The visual dictionary (section 3.2 of the paper): a feature is replaced by
-- the nearest of K entries, and the entries follow the features they stand for
-- by moving averages (van den Oord et al. 2017, appendix A.1).
local vd = {}

local eps = 1e-5

-- Nearest entry of each row of x [n,C]; the first of equally near ones.  |x|^2
-- is the same for all, but decides which are equally near: next to it, what
-- rounding left of an entry that should be zero (one that stood for all cells
-- of a batch, of mean 0) is as good as zero.  -> i32 [n]
function vd.nearest(x, embed)
  local length = (embed * embed):sum(2):reshape {1, embed:dim(1)}
  local lengths = (x * x):sum(2) + length
  return op.arg_max {op.matmul {x, embed:permute {2, 1}, exact = 1} * 2
                     - lengths}
end

-- Entries move towards the mean of the features they stood for.  An entry that
-- nothing is near fades to the zero vector, as the official one does.  `copies`:
-- x stands for so many equal batches.  -> the new dictionary
local function learn(v, x, code, c, copies)
  local K, n, keep = c.codes, x:dim(1), c.vd_decay
  local hits = op.scatter_add {op.broadcast {copies, dims = {n, 1}}, code,
                               rows = K}:reshape {K}
  local sums = op.scatter_add {x, code, rows = K} * copies
  v.cluster_sum:set(v.cluster_sum + hits)
  local size = v.cluster_size:set(v.cluster_size * keep + hits * (1 - keep))
  local sum = v.embed_avg:set(v.embed_avg * keep + sums * (1 - keep))
  local total = size:sum(1)
  local smooth = (size + eps) / (total + K * eps) * total
  return v.embed:set(sum / smooth:reshape {K, 1}), size
end

-- How the dictionary fares: entries used by this batch, exp of the entropy of
-- the moving shares, percent of entries that nothing was near for a while.
local function health(code, size, c)
  local hits = op.scatter_add {op.broadcast {1, dims = {code:dim(1), 1}}, code,
                               rows = c.codes}
  local share = size / size:sum(1)
  local entropy = -(share * op.log {share + 1e-10}):sum(1)
  return {
    codes_used = op.greater {hits, 0.5}:sum(1, 2):reshape {},
    perplexity = op.exp {entropy}:reshape {},
    codes_dead = (op.greater {0.01, size}:sum(1) * (100 / c.codes)):reshape {},
  }
end

-- x [n,C] -> entries [n,C], whose gradient goes to x as it is ("straight
-- through"); their numbers i32 [n]; the dictionary [K,C]; its health.  Numbers
-- are looked up before, vectors after it has learned.
function vd.lookup(name, x, c, copies)
  local K, C = c.codes, x:dim(2)
  local v = {
    embed = state(name .. ".embed", {K, C}, init.normal(1)),
    cluster_size = state(name .. ".cluster_size", {K}, init.zero),
    cluster_sum = state(name .. ".cluster_sum", {K}, init.zero),
    embed_avg = state(name .. ".embed_avg", {K, C}, init.zero),
  }
  local code, seen = vd.nearest(x, v.embed), op.stop {x}
  local embed, size = v.embed, v.cluster_size
  if training() then embed, size = learn(v, seen, code, c, copies) end
  local q = op.gather {embed, code}
  return op.stop {q - x} + x, code, embed, health(code, size, c)
end

return vd
