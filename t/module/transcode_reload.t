#!/usr/bin/perl

# A publisher keeps its ladder on the worker that a reload has left behind, with
# the settings that it began with; the next one gets the new ones.  Workers end
# when they should, at work or not.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Ladder;
use Onair::Publisher;
use Onair::Server;

my $server = Onair::Server->start(workers => 1,
    rtmp_app => Onair::Ladder::small() . 'ingest_grace 1m;');
my $ladder = Onair::Ladder->new($server, 'chan');
my $other = Onair::Ladder->new($server, 'other');
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'),
                                         gop => 30);

ok $ladder->wait_state('low', 'on'), 'a publisher has its ladder'
    or diag $ladder->log;
ok $ladder->viewer->wait_live('low'), 'with media';


sub configure
{
    my ($from, $to) = @_;
    my $name = $server->dir . '/nginx.conf';

    open my $in, '<', $name or die "$name: $!";
    my $text = do { local $/; <$in> };
    $text =~ s/$from/$to/ or die "no $from";
    open my $out, '>', $name or die "$name: $!";
    print $out $text;
    close $out;
}


configure('transcode on;', 'transcode off;');
$server->reload;

is scalar($server->leaving_pids), 1, 'the old worker stays with its publisher';
ok $ladder->wait_frames('low', 60), 'whose ladder goes on there'
    or diag $ladder->log;
is $ladder->rung('low')->{state}, 'on', 'as it was';

# the other one's worker has no ladder any more
my $second = Onair::Publisher->ffmpeg($server->rtmp_url('other'), gop => 30);
ok $other->viewer->wait_live('video', 'audio'), 'a new publisher is live';
is_deeply [ $other->viewer->renditions ], [ qw(audio video) ],
    'and has no ladder';

# back in its session, its rungs of before are nobody's
$publisher->kill;
ok((wait_for { !$server->leaving_pids } 60), 'the old worker ends');
$publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'), gop => 30);
ok((wait_for { $ladder->channel->{state} eq 'on_air' } 60), 'it is back');
ok((wait_for { "@{[ $ladder->viewer->renditions ]}" eq 'audio video' } 60),
    'without rungs') or diag explain [ $ladder->viewer->renditions ];

configure('transcode off;', 'transcode on; transcode_drill low 100ms;');
$server->reload;
$_->stop for $publisher, $second;
ok((wait_for { !$server->leaving_pids } 60), 'and workers without one end');
$second = Onair::Publisher->ffmpeg($server->rtmp_url('other'), gop => 30);
ok $other->wait_state('low', 'on'), 'switched on again, there is a ladder'
    or diag $ladder->log;
ok $other->wait_frames('low', 5), 'at work';

# in the midst of pictures that take long
$server->stop;
pass 'nginx ends';

done_testing;
