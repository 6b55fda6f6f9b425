# The stand-in for NVIDIA's driver: t/lib/nvenc/README.md.
# Called by tools/build with OUT.  Without sanitizers: programs that have none
# load it too.

DIR = t/lib/nvenc
CUDA = $(addprefix $(OUT)/,cuda_absent.o cuda_device.o cuda_kernel.o \
	cuda_memory.o faults.o scale.o)
ENCODE = $(addprefix $(OUT)/,coder.o coder_avc.o coder_hevc.o faults.o \
	session.o)
CUVID = $(addprefix $(OUT)/,cuvid.o faults.o)

CFLAGS = -std=c11 -D_GNU_SOURCE -g -O2 -ftree-vectorize -fPIC \
	-fvisibility=hidden -Wall -Wextra -Werror

all: $(OUT)/libcuda.so.1 $(OUT)/libnvcuvid.so.1 $(OUT)/libnvidia-encode.so.1

$(OUT)/libcuda.so.1: $(CUDA)
	$(CC) -shared -Wl,-soname,libcuda.so.1 $^ -lm -o $@

$(OUT)/libnvcuvid.so.1: $(CUVID)
	$(CC) -shared -Wl,-soname,libnvcuvid.so.1 $^ -pthread -o $@

$(OUT)/libnvidia-encode.so.1: $(ENCODE)
	$(CC) -shared -Wl,-soname,libnvidia-encode.so.1 $^ -lx264 -lx265 -o $@

$(OUT)/%.o: $(DIR)/%.c
	@mkdir -p $(OUT)
	$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

-include $(wildcard $(OUT)/*.d)
