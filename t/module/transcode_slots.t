#!/usr/bin/perl

# Slots bound what is encoded at a time, over all workers: who finds none has
# the source only, and gets his rungs once others have gone, or been killed.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Ladder;
use Onair::Publisher;
use Onair::Server;

# low takes 0.016
my $server = Onair::Server->start(workers => 2,
    rtmp => 'transcode_slots 0.02;', rtmp_app => Onair::Ladder::small());
my %ladder = map { $_ => Onair::Ladder->new($server, $_) } qw(first second);
my %publisher;


sub publish
{
    my ($channel) = @_;

    $publisher{$channel} = Onair::Publisher->ffmpeg(
        $server->rtmp_url($channel), gop => 30);
}


publish('first');
ok $ladder{first}->wait_state('low', 'on'), 'the first one gets its rung'
    or diag $ladder{first}->log;
ok $ladder{first}->wait_state('listen', 'withdrawn', 'no slots are free'),
    'and nothing that there is no room for';

publish('second');
ok $ladder{second}->wait_state('low', 'withdrawn', 'no slots are free'),
    'the second one finds no slots' or diag $ladder{first}->log;
ok $ladder{second}->viewer->wait_live('video', 'audio'), 'its source is there';
is_deeply [ $ladder{second}->viewer->renditions ], [ qw(audio video) ],
    'and nothing else is listed';
like $server->error_log, qr/\[notice\].*channel "second" session \w+: (?#
    )rung low withdrawn: no slots are free/, 'the log tells why';

$publisher{first}->stop;
ok $ladder{second}->wait_state('low', 'on'),
    'it gets them when the first one has left' or diag $ladder{first}->log;

# a worker that is killed gives nothing back
publish('first');
ok $ladder{first}->wait_state('low', 'withdrawn', 'no slots'),
    'now the first one has none';

my ($killed, $stays) = map { $server->publisher_worker($_) } qw(second first);

SKIP: {
    skip 'both came to one worker', 1 if $killed == $stays;
    $server->kill_worker($killed);
    ok $ladder{first}->wait_state('low', 'on'), 'but the dead hold none'
        or diag $ladder{first}->log;
}

$_->stop for values %publisher;

done_testing;
