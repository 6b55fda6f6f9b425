#!/usr/bin/perl

# A worker that stands still (SIGSTOP) holds up nobody else, and goes on where
# it was.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Publisher;
use Onair::Server;
use Onair::Viewers;

# with reuseport the kernel would give new connections to the one that stands
my $server = Onair::Server->start(workers => 3, listen => '',
    location => $Onair::Viewers::LOCATION);
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'));

my $home = wait_for { $server->publisher_worker('chan') };
my ($still) = grep { $_ != $home } $server->worker_pids;
my ($extra, @mine) = map { on_worker($still) } 0 .. 4;

# stands before the viewers come, so that none of theirs is on it
kill 'STOP', $still;

my $viewers = Onair::Viewers->start($server, 'chan', viewers => 8);
my $viewer = Onair::Viewer->new($server, 'chan');

ok $viewers->more(2, 180), 'viewers on the others go on';
$_->start('GET', '/live/chan/index.m3u8') for @mine;
my $base = '/live/chan/' . $viewer->session . '/video';

ok $viewers->more(2, 180), 'as long as they like';
ok !grep({ $_->ready } @mine), 'it does stand still';

# more wake-ups than one while it stood
kill 'CONT', $still;
is_deeply [ map { $_->finish->{status} } @mine ], [ (200) x @mine ],
    'it answers what it was asked meanwhile';

my $list = Onair::Viewers::Client::parse($mine[0]->get("$base/index.m3u8")
                                         ->{body});
is_deeply [ map { $_->get("$base/$list->{hint}")->{status} } @mine ],
    [ (200) x @mine ], 'and is woken again';

# stopped with requests that wait
$list = Onair::Viewers::Client::parse($mine[0]->get("$base/index.m3u8")
                                      ->{body});
$_->start('GET', "$base/index.m3u8?_HLS_msn=" . ($list->{open} + 1)) for @mine;
$extra->get('/live/');        # it has read those too
kill 'STOP', $still;
ok $viewers->more(3, 180), 'it stands again, the others go on';
kill 'CONT', $still;
is_deeply [ map { $_->finish->{status} } @mine ], [ (200) x @mine ],
    'what waited on it is answered';

is_deeply [ $viewers->unforgiven ], [], 'no request failed';
is_deeply $viewers->missed, [], 'nobody missed anything';
note $viewers->figures;

done_testing;


# A connection to one worker.
sub on_worker {
    my $pid = shift;

    my $found = wait_for {
        my $connection = $server->connect;
        my $worker = $connection->get('/live/')->{headers}{'x-worker'};
        $worker == $pid ? $connection : undef;
    };

    return $found // die "no connection reached worker $pid\n";
}
