#!/usr/bin/perl

# A ladder is made on a card where there is one.  A card that fails in
# mid-stream, has no session left or is not there ends as configured, without a
# gap in the source and without a new worker.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Ladder;
use Onair::NVENC;
use Onair::Publisher;
use Onair::Server;

my $card = Onair::NVENC->new;


# A server with two rungs of video, on the device.
sub start
{
    my ($device, %option) = @_;

    (my $rungs = Onair::Ladder::small(half => 'always', listen => 'never'))
        =~ s/transcode_device cpu;/transcode_device $device;/;

    return Onair::Server->start(workers => 1, main => $card->main,
        rtmp_app => $rungs . ($option{app} // ''));
}


sub publish
{
    my ($server) = @_;

    return (Onair::Ladder->new($server, 'chan'),
            Onair::Publisher->ffmpeg($server->rtmp_url('chan'), gop => 30));
}


# The source has every frame since its beginning.
sub source_is_whole
{
    my ($ladder, $server, $worker, $name) = @_;

    my $list = $ladder->viewer->playlist('video');
    is $list->{discontinuities}, 0, "$name: the source has no gap";
    is $ladder->rendition('video')->{dropped_frames}, 0,
        "$name: and every frame";
    is_deeply [ $server->worker_pids ], [ $worker ], "$name: of one worker";
}


subtest 'fails in mid-stream' => sub {
    my $server = start('cuda');
    my ($worker) = $server->worker_pids;
    my ($ladder, $publisher) = publish($server);

    ok $ladder->viewer->wait_live(qw(video low half)), 'there is a ladder'
        or diag $ladder->log;
    is $ladder->wait_state('low', 'on')->{device}, 'cuda', 'made on the card';
    ok $ladder->wait_frames('half', 20), 'all of it';

    $card->faults(dead => 1);
    ok((wait_for { $ladder->rung('low')->{device} eq 'cpu' } 60),
        'when the card fails, the CPU takes over') or diag $ladder->log;
    ok $ladder->wait_frames('low', 60), 'and goes on';
    is $ladder->rung('half')->{state}, 'on', 'with all rungs';
    like $ladder->log, qr/\[warn\].*channel "chan" session \w+: (?#
        )the card failed, the CPU takes over: \S/, 'the log tells why';

    source_is_whole($ladder, $server, $worker, 'CPU');

    for my $name (qw(low half)) {
        my @wrong = map { $_->{errors} ? $_->{errors} : () }
                    @{ $ladder->viewer->decode($name) };
        is_deeply \@wrong, [], "$name plays over the change";
    }

    $publisher->stop;
    $card->faults;
};


subtest 'no session is left' => sub {
    $card->faults(sessions => 1);

    my $server = start('cuda:0', app => 'transcode_fallback source;');
    my ($worker) = $server->worker_pids;
    my ($ladder, $publisher) = publish($server);

    ok((wait_for { $ladder->log =~ /the card failed, source only: \S/ } 60),
        'the source goes out alone') or diag $ladder->log;
    ok $ladder->viewer->wait_live(qw(video audio)), 'it is there';
    ok((wait_for { "@{[ $ladder->viewer->renditions ]}" eq 'audio video' }),
        'and nothing else is listed');
    ok $ladder->viewer->wait_seconds('video', 3), 'it goes on';
    source_is_whole($ladder, $server, $worker, 'source only');

    $publisher->stop;
    $card->faults;
};


subtest 'there is none' => sub {
    $card->faults(devices => 0);

    my $server = start('auto');
    my ($ladder, $publisher) = publish($server);

    is(($ladder->wait_state('low', 'on') // {})->{device}, 'cpu',
        '"auto" takes the CPU') or diag $ladder->log;
    ok $ladder->wait_frames('low', 30), 'which works';
    unlike $ladder->log, qr/\[(?:warn|error)\]/, 'and is nothing to warn of';
    like $ladder->log, qr/\[info\].*the card failed, the CPU takes over: \S/,
        'why is told to who looks for it';

    $publisher->stop;
    $card->faults;
};

done_testing;
