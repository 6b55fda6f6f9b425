#!/usr/bin/perl

# MP3 that is none, comes too fast, changes its mind or goes away: it harms
# nobody.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(
    workers => 1, main => 'thread_pool mp3 threads=2;',
    rtmp_app => 'transcode on; transcode_pool mp3;
                 transcode_rendition listen audio=48k mode=never;');
my $both = Onair::FLV::make(seconds => 5, audio => 'libmp3lame',
                            audio_rate => 44100, options => [qw(-ar 44100)]);
my @video = grep { !Onair::FLV::is_audio($_) } @$both;
my @mp3 = grep { Onair::FLV::is_audio($_) } @$both;

srand 20261128;


sub noise { return join '', map { chr int rand 256 } 1 .. $_[0] }
sub audio { return { type => 8, timestamp => $_[0], body => $_[1] } }


# Each message of noise before a frame of video.
sub with_noise
{
    my ($make) = @_;

    return [ map { Onair::FLV::is_meta($_) ? ()
                   : (audio($_->{timestamp}, $make->()), $_) } @video ];
}


my %noise = (
    empty     => sub { "\x2f" },
    bytes     => sub { "\x2f" . noise(1 + int rand 600) },
    cut       => sub { substr $mp3[rand @mp3]{body}, 0, 1 + int rand 100 },
    layer_2   => sub { "\x2f\xff\xfd\x90\x64" . noise(420) },
    free      => sub { "\x2f\xff\xfb\x00\x64" . noise(420) },
    tag       => sub { "\x2fID3\x04" . noise(100) },
    enhanced  => sub { "\x91.mp3" . noise(100) },
    no_type   => sub { "\x93.mp3" . noise(100) },
);

for my $name (sort keys %noise) {
    my $viewer = Onair::Viewer->of($server, $name, with_noise($noise{$name}));

    is_deeply [$viewer->renditions], ['video'], "$name: the picture alone";
    is $viewer->decode('video')->[0]{frames}, 150, "$name: all of it";
}

like $server->error_log,
    qr/channel "bytes".* malformed messages so far, .*: no frame of MP3 in it/,
    'the log tells of them';

# Headers that are good, and what is behind them is not: a decoder's matter.
my @wild = map { my $body = $_->{body};
                 substr $body, 5, length($body) - 5, noise(length($body) - 5);
                 +{ %$_, body => $body } } @mp3;
my $p = Onair::RTMP->publish($server->rtmp_port, 'wild');

$p->send_flv([ sort { $a->{timestamp} <=> $b->{timestamp} } @video, @wild ]);
ok +Onair::Viewer->new($server, 'wild')->wait_seconds('video', 4.5),
    'frames of noise: the picture goes on';
$p->close;

# More than may wait, in one message.
$p = Onair::RTMP->publish($server->rtmp_port, 'flood');
$p->send_flv([ audio(0, "\x2f" . ("\xff\xf3\x14\x44" . "\0" x 20) x 5000) ]);
ok wait_for { $server->error_log =~
    /\[warn\].*"flood": \d+ frames of MP3 lost so far, \d+ of them cannot/ },
    'what does not fit is dropped, and counted';
$p->send_flv([ map { +{ %$_, timestamp => $_->{timestamp} + 30000 } } @mp3 ]);
ok +Onair::Viewer->new($server, 'flood')->wait_live('audio'),
    'and it goes on';
$p->close;

# A clock that is set again and again.
$p = Onair::RTMP->publish($server->rtmp_port, 'clock');
$p->send_flv([ map { +{ %$_, timestamp => int rand 2 ** 32 } } (@mp3) x 3 ]);
ok +Onair::Viewer->new($server, 'clock')->wait_live('audio'),
    'timestamps at random: it goes on';
$p->close;

# One codec after the other costs too much to go on for ever.
my $config = audio(0, "\xaf\x00\x12\x10");

$p = Onair::RTMP->publish($server->rtmp_port, 'changes');
$p->send_flv([ map { ($mp3[0], $config) } 1 .. 50 ]);
is +($p->wait_status // {})->{description}, 'the tracks change too often',
    'MP3 and AAC in turns: refused';
ok $p->wait_closed, 'and closed';

# One track only.
$p = Onair::RTMP->publish($server->rtmp_port, 'tracks');
$p->send_flv([ map { audio(0, "\x95\x01.mp3" . chr($_)
                              . substr $mp3[$_]{body}, 1) } 0, 1 ]);
like +($p->wait_status // {})->{description}, qr/several audio tracks/,
    'a second track of MP3: refused';

# Gone while threads work for them.
for my $n (1 .. 30) {
    $p = Onair::RTMP->publish($server->rtmp_port, "gone$n",
                              chunk_size => 4096);
    $p->send_flv([ @mp3 ]);
    close $p->{socket};
}

ok wait_for { 30 == (() = $server->error_log =~
                     /channel "gone\d+" session \w+: publisher gone/g) },
    'publishers that go at once are gone';

# A reload leaves it where it is, and its sound goes on.
$p = Onair::RTMP->publish($server->rtmp_port, 'stays');
my $viewer = Onair::Viewer->new($server, 'stays');

$p->send_flv([ grep { $_->{timestamp} < 2000 } @$both ]);
ok $viewer->wait_live('video', 'audio'), 'before a reload: it is on the air';
$server->reload;
$p->send_flv([ grep { $_->{timestamp} >= 2000 } @$both ]);
ok $viewer->wait_seconds('audio', 4.5), 'and behind it';
is $viewer->playlist('audio')->{discontinuities}, 0, 'without a seam';
$p->close;

# The server goes while threads work.
my @last = map {
    my $last = Onair::RTMP->publish($server->rtmp_port, "last$_",
                                    chunk_size => 4096);
    $last->send_flv([ @mp3 ]);
    $last;
} 1 .. 5;

$server->stop;
ok $_->wait_closed, 'the end of the server' for @last;

done_testing;
