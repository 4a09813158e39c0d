-- Pictures come as bytes, RGB, padded to the bucket's size.
local image = {}

-- x u8 [B,H,W,3], size i32 [B,2] (valid height, width) -> f32 [B,H,W,3] with
-- ImageNet's mean and deviation; 0 outside of the picture.
function image.normalise(x, size)
  return op.normalise {x, size, mean = {123.675, 116.28, 103.53},
                       std = {58.395, 57.12, 57.375}}:named("image")
end

return image
