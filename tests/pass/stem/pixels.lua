-- 7 x 7 weights over 3 channels become 4 x 4 over 16; a picture with an odd side
-- stays as it is.
config {batch = 2, answers = 8, buckets = {{6, 10}, {6, 9}}}
phase("train", function(door)
  local x = op.normalise {door.image, door.image_size, mean = {1, 2, 3}, std = {4, 5, 6}}
  local w = param("w", {5, 3, 7, 7}, init.one)
  local y = op.conv2d {x, w, stride = 2, pad = 3}
  return {loss = y:sum(1, 4):reshape {}}
end)
