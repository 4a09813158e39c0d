-- A state that is read after it was written keeps a copy of its old value.
config {batch = 1}
phase("infer", function(door)
  local s, x = state("s", {2}, init.zero), op.float {door.image_size}:reshape {2}
  local now = s:set(s + x)
  return {y = now * (s + 1)}
end)
