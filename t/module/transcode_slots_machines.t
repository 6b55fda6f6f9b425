#!/usr/bin/perl

# Machines tell each other by Redis what slots they have: one worker does it,
# another when that one is killed or leaves; who is killed counts no more after
# ten seconds, and so does what was heard when Redis is away.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use JSON::PP;
use Time::HiRes qw(time);

use Onair::Redis;
use Onair::Server;

my $redis = Onair::Redis->start;
my $hash = 'onair:slots';
my $alone = qr/other machines' slots are not known/;
my $again = qr/the slots of (\d+) other machines are known again/;


sub machine
{
    my ($name, $slots, %option) = @_;

    return Onair::Server->start(
        workers => 2,
        main => "onair_node $name;\n"
            . ($option{alone} ? ''
               : 'onair_redis ' . $redis->address . " timeout=500ms;\n"),
        rtmp => "transcode_slots $slots;",
        rtmp_app => 'transcode on;');
}


sub slots { decode_json($_[0]->get('/status.json')->{body})->{slots} }


# Whether a machine hears of that many others, and of their capacity.
sub hears
{
    my ($server, $machines, $capacity, $timeout) = @_;

    return wait_for {
        my $others = slots($server)->{elsewhere};
        $others && $others->{machines} == $machines
            && $others->{capacity} == $capacity;
    } $timeout;
}


sub forgets { my $s = shift; wait_for { !slots($s)->{elsewhere} } }


sub said
{
    my ($s, $pattern) = @_;

    return scalar(() = $s->error_log =~ /$pattern/g);
}


sub deadline
{
    return ($redis->command('HGET', $hash, $_[0]) // '') =~ /^(\d+) / && $1;
}


my $single = machine('single', 7, alone => 1);
is_deeply slots($single), { capacity => 7, partners => 0, affiliates => 0,
                            elsewhere => undef },
    'without Redis a machine knows of itself';
is $redis->command('EXISTS', $hash), 0, 'and tells nobody';
undef $single;

my $a = machine('a', 3);
ok hears($a, 0, 0), 'one machine hears that there is no other';

my $b = machine('b', 2.5);
ok hears($a, 1, 2.5), 'it hears of another';
ok hears($b, 1, 3), 'as that one of it';

# others' fields, good and bad
my $later = int(time * 1000) + 50000;
$redis->command('HSET', $hash, 'c' => "$later 1 8000 2000 1500",
                'd' => 'x', 'e' => '', 'f' => '1 1 1 1 1',
                'g' => "${later}0000 1 1 1 1", 'h' => "$later 1 1 1",
                'i' => "$later 1 -1 1 1", 'j' => "$later 1 1e3 1 1",
                'k' => "$later 1 100000001 1 1", 'l' => "$later 1 1 1 1 1",
                'm' => "$later 1 " . '9' x 400 . ' 1 1');
ok hears($a, 2, 10.5), 'it hears the sums of two others';
is slots($a)->{elsewhere}{partners}, 2, 'what partners hold';
is slots($a)->{elsewhere}{affiliates}, 1.5, 'and affiliates';
ok wait_for { $redis->command('HLEN', $hash) == 4 },
    'what is of another form, or too old, is taken out';
$redis->command('HDEL', $hash, 'c');
ok hears($a, 1, 2.5), 'who is taken out does not count';

$redis->command('HSET', $hash, '*' => "$later 9 9 9 9");
ok hears($a, 1, 2.5), 'sums that somebody wrote do not stay';

# each worker in turn, so the one that does it too
for my $round (1 .. 2) {
    for my $pid ($a->worker_pids) {
        $a->kill_worker($pid);
        wait_for {
            my @now = $a->worker_pids;
            @now == 2 && !grep { $_ == $pid } @now;
        };
    }

    my $before = deadline('a');
    ok wait_for { deadline('a') > $before },
        "round $round: workers are killed, the machine goes on telling";
}

# a reload, of which others hear
my $conf = $a->dir . '/nginx.conf';
open my $in, '<', $conf or die $!;
my $text = do { local $/; <$in> };
$text =~ s/transcode_slots 3;/transcode_slots 4.5;/ or die;
open my $out, '>', $conf or die $!;
print $out $text;
close $out;
$a->reload;
is slots($a)->{capacity}, 4.5, 'a reload changes the number';
ok hears($b, 1, 4.5), 'of which the other hears';

# killed
$b->allow_log(qr/exited on signal 9/);
kill 'KILL', $b->pid, $b->worker_pids;
my $since = time;
ok hears($a, 0, 0), 'a killed machine counts no more';
note sprintf 'after %.1f s', time - $since;
undef $b;
is said($a, $alone), 0, 'nothing is said as long as Redis answers';

# Redis hangs
$redis->pause;
ok hears($a, 0, 0), 'Redis hangs: what was heard counts on';
ok forgets($a), 'for a while';
ok wait_for { said($a, $alone) == 1 }, 'which is told';
$redis->resume;
ok hears($a, 0, 0), 'Redis goes on: it is heard again';
ok wait_for { said($a, $again) == 1 }, 'which is told too';

# and forgets everything
$redis->restart;
$b = machine('b', 2);
ok hears($a, 1, 2), 'Redis was killed and comes back empty';
ok hears($b, 1, 4.5), 'for both';

# answers that cannot be meant
my $refused = qr/Redis does not tell other machines' slots: (.*)/;
$since = time;
$redis->command('SET', $hash, 'x');
ok wait_for { said($a, $refused) }, 'a refusal is told';
like $a->error_log, qr/slots: WRONGTYPE/, 'with what Redis says';
ok forgets($a), 'and others are forgotten';
$redis->command('DEL', $hash);
ok hears($a, 1, 2), 'until it is mended';
cmp_ok said($a, $refused), '<=', 1 + (time - $since) / 60,
    'it was told once a minute';

done_testing;
