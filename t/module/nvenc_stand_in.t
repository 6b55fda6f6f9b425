#!/usr/bin/perl

# The stand-in for NVIDIA's driver, through the ffmpeg command line: pictures
# come out as they went in, and each fault does what it says.

use strict;
use warnings;

use lib 't/lib';
use File::Temp ();
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use Onair::NVENC;
use Onair::Server;

my $card = Onair::NVENC->new;
my $dir = File::Temp->newdir;
my @quiet = qw(-hide_banner -nostdin -y);
my $picture = 'testsrc2=size=320x180:rate=25';
my @latency = qw(-b:v 1M -preset p4 -tune ull -rc cbr -bf 0 -delay 0
                 -zerolatency 1 -forced-idr 1);


# The text that a command printed; its exit status is in $?.
sub output {
    my (@command) = @_;

    my $pid = open(my $out, '-|') // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    my $text = do { local $/; <$out> };
    close $out;

    return $text;
}


sub encode {
    my (@options) = @_;

    return output('ffmpeg', @quiet, '-f', 'lavfi', '-i', $picture, @options);
}


# PSNR of a file against the source, both at 160x90.
sub psnr {
    my ($file) = @_;

    my $graph = '[0]scale=160:90,format=yuv420p[a];'
              . '[1]scale=160:90,format=yuv420p[b];[a][b]psnr';
    my $text = output('ffmpeg', @quiet, '-i', $file, '-f', 'lavfi',
                      '-i', "$picture:duration=1", '-lavfi', $graph,
                      qw(-f null -));

    return $text =~ /PSNR .* average:([\d.]+|inf)/ ? $1 : 0;
}


sub works {
    my ($name, $codec, $filter, $least) = @_;

    my $file = "$dir/out.mp4";
    my $text = encode('-frames:v', 25, '-vf', $filter, '-c:v', "${codec}_nvenc",
                      @latency, '-force_key_frames', 'expr:gte(n,10)*eq(n,10)',
                      $file);

    is $?, 0, "$name: encodes" or diag $text;

    my $packets = output(qw(ffprobe -v error -of csv=p=0 -show_entries),
                         'packet=pts,flags', $file);
    my @flags = $packets =~ /,(\w)/g;
    my $decoded = output('ffmpeg', @quiet, qw(-v error -i), $file,
                         qw(-f null -));

    is join('', @flags), 'K' . '_' x 9 . 'K' . '_' x 14,
       "$name: a frame for each picture, keyframes as asked";
    is $decoded, '', "$name: decodes";
    cmp_ok psnr($file), '>', $least, "$name: looks like the source";
}


sub fails {
    my ($name, $faults, $message, @options) = @_;

    $card->faults(%$faults);
    my $text = encode('-frames:v', 5,
                      @options ? @options : (qw(-c:v h264_nvenc -f null -)));

    isnt $?, 0, "$name: fails";
    like $text, $message, "$name: says why";
    $card->faults;
}


works('from memory', 'h264', 'format=nv12', 40);
works('three planes', 'h264', 'format=yuv420p', 40);
works('uploaded', 'h264', 'format=yuv420p,hwupload_cuda', 40);
works('HEVC', 'hevc', 'format=nv12,hwupload_cuda', 40);
works('HEVC of three planes', 'hevc', 'format=yuv420p', 40);

my $upload = 'hwupload_cuda,scale_cuda=160:90';

works('bicubic', 'h264', "format=yuv420p,$upload", 34);
works('bilinear', 'h264',
      "format=nv12,$upload:interp_algo=bilinear", 34);
works('nearest', 'h264', "format=nv12,$upload:interp_algo=nearest", 25);
works('to another format', 'hevc',
      "format=yuv420p,$upload:interp_algo=bilinear:format=nv12", 34);
works('10 bits', 'h264',
      "format=p010le,$upload:interp_algo=bilinear:format=nv12", 34);

my @download = ('-vf', 'format=nv12,hwupload_cuda,hwdownload,format=nv12');

encode('-frames:v', 1, '-vf', 'format=nv12', '-f', 'rawvideo', "$dir/a");
encode('-frames:v', 1, @download, '-f', 'rawvideo', "$dir/b");
system 'cmp', '-s', "$dir/a", "$dir/b";
is $?, 0, 'what is uploaded comes back';

fails('no card', {devices => 0}, qr/no CUDA-capable|NO_DEVICE|Cannot load/i);
fails('old driver', {driver => '10.0'}, qr/Required: 11\.1 Found: 10\.0/);
fails('H.264 only', {h264_only => 1}, qr/Codec not supported/,
      qw(-c:v hevc_nvenc -f null -));
fails('no session left', {sessions => 1}, qr/OpenEncodeSessionEx failed/,
      qw(-c:v h264_nvenc -f null - -c:v h264_nvenc -f null -));
fails('no memory left', {memory_bytes => 10000}, qr/OUT_OF_MEMORY/,
      '-vf', 'format=nv12,hwupload_cuda', qw(-c:v h264_nvenc -f null -));
fails('third picture', {fail_after => 2}, qr/EncodePicture failed.*told to/);
fails('a kernel that is not there', {}, qr/Unsupported conversion|NOT_FOUND/,
      '-vf', "format=nv12,$upload:interp_algo=lanczos",
      qw(-c:v h264_nvenc -f null -));

$card->faults(sessions => 2);
encode(qw(-frames:v 5 -c:v h264_nvenc -f null -
          -frames:v 5 -c:v h264_nvenc -f null -));
is $?, 0, 'two sessions of two';

$card->faults(stall_ms => 100);
my $start = time;
encode(qw(-frames:v 5 -c:v h264_nvenc -f null -));
is $?, 0, 'pictures that stall are encoded';
cmp_ok time - $start, '>=', 0.5, 'and take as long as they should';


# Starts an encoder; returns its pid and its log.
sub start {
    my (@options) = @_;

    my $log = "$dir/log";
    unlink $log;
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>', $log;
        open STDERR, '>&', \*STDOUT;
        exec 'ffmpeg', @quiet, '-f', 'lavfi', '-i', $picture, @options
            or POSIX::_exit(127);
    }

    return ($pid, sub {
        open my $in, '<', $log or return '';
        local $/;
        <$in>;
    });
}


$card->faults(hang => 1);
my ($pid, $log) = start(qw(-t 60 -c:v h264_nvenc -flush_packets 1 -f h264),
                        "$dir/hangs");

ok wait_for { $log->() =~ /Output #0/ }, 'the encoder is open';
$card->faults(fail_after => 0);
waitpid $pid, 0;
isnt $?, 0, 'the first picture was held until now, and fails';
ok !-s "$dir/hangs", 'nothing was encoded while it hung';

$card->faults;
($pid, $log) = start('-vf', "realtime,format=nv12,$upload",
                     qw(-t 60 -c:v h264_nvenc -flush_packets 1 -f h264),
                     "$dir/dies");

ok wait_for { -s "$dir/dies" }, 'the card encodes';
$card->faults(dead => 1);
waitpid $pid, 0;
isnt $?, 0, 'the card that dies ends it';
like $log->(), qr/LAUNCH_FAILED|does not exist/, 'and it says why';

fails('a card that is dead', {dead => 1}, qr/NO_DEVICE|Cannot load|no /i);

$card->faults(dyed => 1);
encode(qw(-frames:v 5 -c:v h264_nvenc -f null -));
isnt $?, 0, 'a fault that is spelt wrongly does not pass';

done_testing;
