#!/usr/bin/perl

# HEVC over enhanced RTMP: the same pictures come out, as CMAF that players
# of Apple take (hvc1).

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Enhanced;
use Onair::LLHLS::Media;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);


# Publishes, and holds what comes out against what went in.
sub plays
{
    my ($name, $codecs, %args) = @_;
    my $source = Onair::Enhanced->make(video => 'hevc', audio => 'aac', %args);
    my $channel = lc $name =~ s/\W+/_/gr;
    my $viewer = Onair::Viewer->of($server, $channel, $source->{messages});
    my @files = $viewer->files('video');
    my $wanted = Onair::Enhanced::pictures($source->{video}{file});
    my $shown = Onair::Enhanced::pictures(@files);

    is @files, 1, "$name: one init segment";
    is @$shown, @$wanted, "$name: every picture";
    is_deeply $shown, $wanted, "$name: the very same pictures";
    is $viewer->decode('video')->[0]{errors}, '', "$name: no error";
    like $viewer->multivariant, qr/CODECS="\Q$codecs\E,mp4a\.40\.2"/,
        "$name: CODECS";
    is $viewer->decode('audio')->[0]{errors}, '', "$name: the audio is fine";

    return $viewer;
}


my $viewer = plays('main', 'hvc1.1.6.L60.90');
my $list = $viewer->playlist('video');
my $init = $viewer->fetch($list->{segments}[0]{map});

is Onair::LLHLS::Media::init($init)->{entry}, 'hvc1', 'the sample entry';
like $viewer->multivariant, qr/RESOLUTION=320x180,FRAME-RATE=30\.000/,
    'size and rate';
like $list->{text}, qr/INDEPENDENT=YES/, 'parts begin with keyframes';

plays('plain frames', 'hvc1.1.6.L60.90', composed => 0,
      options => ['-bf', 0]);
plays('ten bit', 'hvc1.2.4.L60.90', pixels => 'yuv420p10le');
$viewer = plays('HLG', 'hvc1.2.4.L60.90', pixels => 'yuv420p10le',
    options => ['-x265-params', 'log-level=none:open-gop=0:colorprim=bt2020'
                . ':transfer=arib-std-b67:colormatrix=bt2020nc']);
like $viewer->multivariant, qr/VIDEO-RANGE=HLG/, 'the range of the picture';

plays('cropped', 'hvc1.1.6.L60.90', size => '318x178');
plays('modified', 'hvc1.1.6.L60.90', wrap => \&Onair::Enhanced::modified);

# parameter sets with each keyframe, as many encoders send them
$viewer = plays('repeated', 'hvc1.1.6.L60.90', options => ['-x265-params',
    'log-level=none:open-gop=0:repeat-headers=1']);

for my $file ($viewer->files('video')) {
    my ($at, $again) = (0, 0);

    # length-prefixed NAL units of every sample: type 33 is an SPS
    for my $box (Onair::LLHLS::Media::boxes(Onair::FLV::slurp($file))) {
        next if $box->[0] ne 'mdat';
        my $data = $box->[1];

        while (length $data) {
            my $size = unpack 'N', $data;
            $again++ if (unpack('x4C', $data) >> 1 & 63) == 33;
            substr $data, 0, 4 + $size, '';
        }
    }

    is $again, 0, 'none of them is in the samples: hvc1';
}

# open GOPs: a CRA picture, and pictures before it that need what was before
plays('open groups', 'hvc1.1.6.L60.90', options => ['-x265-params',
    'log-level=none:open-gop=1:bframes=3:b-adapt=0']);

# a viewer, or the stream itself, that begins at such a picture
my $source = Onair::Enhanced->make(video => 'hevc', options => ['-x265-params',
    'log-level=none:open-gop=1:bframes=3:b-adapt=0']);
my ($config, @frames) = @{ $source->{messages} };
my @keys = grep { $frames[$_]{key} } 0 .. $#frames;
my @late = @frames[$keys[1] .. $#frames];
my $shown = Onair::Enhanced::pictures(Onair::Viewer->of($server, 'late',
    [ $config, @late ])->files('video'));
my $leading = grep { (unpack('x8x4C', $_->{body}) >> 1 & 62) == 8 }
                   @late[1 .. 4];

cmp_ok $leading, '>', 0, 'a beginning with pictures that nobody can decode';
is @$shown, @late - $leading, 'they are left out, the others shown';

# the same in the middle: a splice (BLA) in the place of the open one (CRA)
my $open = grep { (unpack('x8x4C', $_->{body}) >> 1 & 62) == 8 } @frames;

for my $m (@frames[$keys[1]]) {
    my $at = 8;

    while ($at + 6 < length $m->{body}) {
        my ($size, $first) = unpack 'NC', substr $m->{body}, $at, 5;

        substr($m->{body}, $at + 4, 1) = pack 'C', 16 << 1 | $first & 1
            if ($first >> 1 & 63) == 21;
        $at += 4 + $size;
    }
}

$shown = Onair::Enhanced::pictures(Onair::Viewer->of($server, 'splice',
    [ $config, @frames ])->files('video'));
is @$shown, @frames - $open, 'a splice takes its leading pictures along';

# parameter sets that change without a new sequence header
my $other = Onair::Enhanced->make(video => 'hevc', options => ['-x265-params',
    'log-level=none:open-gop=0:repeat-headers=1:sao=1:tskip=1:ref=2'],
    size => '640x360');
my @changed = grep { !$_->{config} } @{ $other->{messages} };
my $offset = 4000;

$source = Onair::Enhanced->make(video => 'hevc');
$viewer = Onair::Viewer->of($server, 'in_band', [ @{ $source->{messages} },
    @{ Onair::FLV::shifted(\@changed, $offset) } ]);
$list = $viewer->playlist('video');

is $list->{discontinuities}, 1, 'new parameter sets: a discontinuity';

my @inits = map { Onair::LLHLS::Media::init($viewer->fetch($_->{map})) }
                @{ $list->{segments} }[0, -1];

is_deeply [ map { $_->{entry} } @inits ], [qw(hvc1 hev1)],
    'and a sample entry that allows for them';
is @{ Onair::Enhanced::pictures($viewer->files('video')) },
    120 + @changed,
    'all are decoded';
like $viewer->multivariant, qr/CODECS="hev1\./, 'CODECS says so';

# as encoders did before there was a standard: codec 12 of a plain tag
for my $m (@{ $source->{messages} }) {
    my $payload = substr $m->{body}, 5;

    $m->{body} = pack('CC', $m->{key} ? 0x1c : 0x2c, $m->{config} ? 0 : 1)
        . ($m->{config} ? "\0\0\0" : '') . $payload;
}

$viewer = Onair::Viewer->of($server, 'legacy', $source->{messages});
is_deeply(Onair::Enhanced::pictures($viewer->files('video')),
          Onair::Enhanced::pictures($source->{video}{file}),
          'codec 12 of a plain tag');

done_testing;
