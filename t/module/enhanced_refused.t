#!/usr/bin/perl

# What enhanced RTMP can say and is not supported is refused by name; what is
# malformed is dropped, and the stream goes on.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Enhanced;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my %refused = (
    vp8     => [ 9, "\x90vp08abc", qr/VP8 video.*: vp08/ ],
    vp9     => [ 9, "\x91vp09abc", qr/VP9 video.*: vp09/ ],
    vvc     => [ 9, "\x90vvc1abc", qr/VVC video.*: vvc1/ ],
    unknown => [ 9, "\x90\x01\x02x\xffabc", qr/this video codec.*: \?\?x\?/ ],
    ts      => [ 9, "\x95av01abc", qr/MPEG-2 TS sequence headers/ ],
    ac3     => [ 8, "\x90ac-3abc", qr/AC-3 audio.*: ac-3/ ],
    eac3    => [ 8, "\x90ec-3abc", qr/E-AC-3 audio.*: ec-3/ ],
    mp3     => [ 8, "\x90.mp3abc", qr/MP3 audio.*: \.mp3/ ],
    flac    => [ 8, "\x90fLaCabc", qr/FLAC audio.*: fLaC/ ],
    old_mp3 => [ 8, "\x2fabc", qr/MP3 audio is not supported/ ],
    old_av1 => [ 9, "\x1dabc", qr/AV1 .*enhanced RTMP/ ],
    two_views => [ 8, "\x90Opus" . "OpusHead\x01\x02" . "\0" x 8 . "\x03",
                   qr/the Opus configuration cannot be used/ ],
    no_sequence_header => [ 9, "\x90av01\x81\x00\x0c\x00",
                   qr/the AV1 configuration cannot be used/ ],
);

for my $name (sort keys %refused) {
    my ($type, $body, $reason) = @{ $refused{$name} };
    my $p = Onair::RTMP->publish($server->rtmp_port, $name);

    $p->message($type, 0, $body, msid => 1);

    my $status = $p->wait_status // {};

    is $status->{code}, 'NetStream.Publish.Failed', "$name: refused";
    like $status->{description}, $reason, "$name: and named";
    ok $p->wait_closed, "$name: and closed";
}

# a log that has told of nothing in this second yet
$server->stop;
$server = Onair::Server->start(workers => 1);

# each of these before every frame
my $source = Onair::Enhanced->make(video => 'av1', audio => 'opus',
                                   seconds => 2);
my @malformed = (
    [ 9, "\x90" ], [ 9, "\x91av0" ], [ 9, "\x90av01" ], [ 9, "\x90hvc1zzzz" ],
    [ 9, "\x91hvc1\x00" ], [ 9, "\x96" ], [ 9, "\x96\x03" ],
    [ 9, "\x96\x13hvc1\x00\xff\xff\xff" ], [ 9, "\x96\x06av01\x00" ],
    [ 9, "\x97" ], [ 9, "\x97\xff\xff\xff" ], [ 9, "\x97\x00\x00\x07" ],
    [ 9, "\x98av01abc" ], [ 9, "\x9fav01abc" ], [ 9, "\x93av01\x32\x7f" ],
    [ 9, "\x93av01\xff\xff\xff" ], [ 9, "\x93hvc1\x00\x00\x00\x01\x26" ],
    [ 9, "\x90av01\x81\x00\x0c\x00\x0a\x7f" ],
    [ 8, "\x90" ], [ 8, "\x91Opu" ], [ 8, "\x90Opus" ],
    [ 8, "\x90OpusOpusHead" ], [ 8, "\x93Opusabc" ], [ 8, "\x91Opus\x03" ],
    [ 8, "\x91mp4aabc" ],
);
my @messages = map {
    my $m = $_;
    ($m, map { +{ type => $_->[0], timestamp => $m->{timestamp},
                  body => $_->[1] } } @malformed);
} @{ $source->{messages} };

my $viewer = Onair::Viewer->of($server, 'goes_on', \@messages);

is_deeply(Onair::Enhanced::pictures($viewer->files('video')),
          Onair::Enhanced::pictures($source->{video}{file}),
          'malformed messages do not touch the others');
is $viewer->decode('audio')->[0]{errors}, '', 'nor the sound';
like $server->error_log, qr/malformed/i, 'the log tells of them';
cmp_ok scalar(() = $server->error_log =~ /malformed/gi), '<', 100,
    'but not of each';

# information that the streams repeat, and the end, are no reason to stop
@messages = map {
    my $m = $_;
    ($m, { type => 9, timestamp => $m->{timestamp},
           body => "\x94av01\x02\x00\x09colorInfo\x03\x00\x00\x09" },
         { type => 8, timestamp => $m->{timestamp},
           body => "\x94Opus\x01\x02\x00\x00\x00\x03" },
         { type => 9, timestamp => $m->{timestamp}, body => "\xd1\x00" });
} @{ $source->{messages} };
push @messages, { type => 9, timestamp => 2000, body => "\x92av01" },
                { type => 8, timestamp => 2000, body => "\x92Opus" };

$viewer = Onair::Viewer->of($server, 'tells_more', \@messages);
is_deeply(Onair::Enhanced::pictures($viewer->files('video')),
          Onair::Enhanced::pictures($source->{video}{file}),
          'colours, channels and the end of a sequence are taken');

done_testing;
