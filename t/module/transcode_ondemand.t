#!/usr/bin/perl

# A rung on demand is listed and asleep.  Whoever asks for it wakes it, and has
# a picture with the source's next keyframe; when nobody asks any more it sleeps
# again.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Ladder;
use Onair::Publisher;
use Onair::Server;

my $server = Onair::Server->start(workers => 2,
    rtmp_app => Onair::Ladder::small() . 'transcode_idle 2s;');
my $ladder = Onair::Ladder->new($server, 'chan');
my $viewer = $ladder->viewer;
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'),
                                         gop => 30);

ok $ladder->wait_state('half', 'asleep', 'nobody wants it'),
    'nobody wants it yet' or diag $ladder->log;
ok $viewer->wait_live(qw(video audio low)), 'the source is there';
ok((wait_for { grep { $_ eq 'half' } $viewer->renditions } 60),
    'a rung that sleeps is listed');
is $ladder->rung('half')->{frames}, 0, 'and has made nothing';
is $ladder->rung('half')->{state}, 'asleep', 'listing it does not wake it';

# any worker may be asked
my $session = $viewer->session;
my $path = "/live/chan/$session/half";
my $first = $server->get("$path/index.m3u8");

is $first->{status}, 200, 'its playlist is answered, as soon as it has media';
like $first->{body}, qr/^#EXT-X-PART:/m, 'with a part';
is $ladder->wait_state('half', 'on')->{reason}, 'wanted', 'it is on';

my ($part) = $first->{body} =~ /^#EXT-X-PART:.*URI="([^"]+)"/m;
is $server->get("$path/$part")->{status}, 200, 'the part is there';
like $first->{body}, qr/^#EXT-X-PART:.*INDEPENDENT=YES/m,
    'it begins with a keyframe';

# as a player does
my $segments = 0;
ok((wait_for { my $list = $viewer->playlist('half');
               $list && ($segments = @{ $list->{segments} }) >= 3 } 60),
    'while it is asked for, it goes on');
is $ladder->rung('half')->{state}, 'on', 'and stays on';

my ($source, $rung) = map { $ladder->begins($_) } qw(video half);
my @both = grep { exists $source->{$_} } keys %$rung;
cmp_ok scalar @both, '>=', 2, 'its segments have the source\'s numbers';
is_deeply [ grep { abs($source->{$_} - $rung->{$_}) > 0.001 } @both ], [],
    'and begin when they do' or diag explain [ $source, $rung ];

ok $ladder->wait_state('half', 'asleep', 'nobody wants it'),
    'when nobody asks any more, it sleeps again';
ok((grep { $_ eq 'half' } $viewer->renditions), 'and stays listed');

my $made = $ladder->rung('half')->{frames};
ok $ladder->wait_frames('low', 45), 'the others go on';
is $ladder->rung('half')->{frames}, $made, 'it makes nothing meanwhile';

# the msn goes on with the source's
my $again = $viewer->playlist('half');
ok $again && $again->{msn} > (sort { $a <=> $b } keys %$rung)[-1],
    'awake again, it is where the source is';
like $ladder->log, qr/rung half on: wanted/, 'the log tells when it went on';
like $ladder->log, qr/rung half asleep: nobody wants it/, 'and when not';

$publisher->stop;

done_testing;
