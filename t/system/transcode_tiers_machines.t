#!/usr/bin/perl

# Two machines on one Redis: affiliates get slots while more than a fifth of
# both machines' would stay free, keep them when partners come elsewhere, and
# get none then though there is room on their machine.  A machine that is killed
# counts no more; a partner takes what he needs on his own machine; and while
# Redis hangs every stream goes on.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use File::Temp ();
use JSON::PP;
use Time::HiRes qw(time);

use Onair::Ctl;
use Onair::Publisher;
use Onair::Redis;
use Onair::Server;
use Onair::Turn;

my $accounts = Onair::Ctl->sqlite;
my $redis = Onair::Redis->start;
my $file = File::Temp->new(SUFFIX => '.flv');
my (%publisher, %key);

# what publishers send as it is: that costs nothing
system(qw(ffmpeg -hide_banner -nostdin -loglevel error -y -f lavfi -i),
       'testsrc2=size=192x108:rate=10', qw(-t 1200 -c:v libx264),
       qw(-preset ultrafast -pix_fmt yuv420p -g 10 -bf 0 -threads 1 -f flv),
       "$file") == 0 or BAIL_OUT('no test stream');


# Of its slots each rung takes 0.005.
sub machine
{
    my ($name, $slots) = @_;

    return Onair::Turn->node($accounts,
        name => $name, redis => $redis, workers => 2,
        main => "thread_pool ladder threads=2;\n",
        rtmp => "transcode_slots $slots;\n",
        app => 'transcode on; transcode_tiers on; transcode_pool ladder;'
            . 'transcode_device cpu;'
            . 'transcode_rendition r90 height=90 bitrate=50k mode=always'
            . ' preset=ultrafast;');
}


sub begin
{
    my ($server, $name) = @_;
    my $tier = $name =~ /^p/ ? 'partner' : 'affiliate';

    $key{$name} //= $accounts->user($name, '--tier', $tier);
    $publisher{$name} = Onair::Publisher->ffmpeg(
        $server->rtmp_url($key{$name}), input => "$file");
}


sub status { decode_json($_[0]->get('/status.json')->{body}) }
sub slots  { status($_[0])->{slots} }


sub rendition
{
    my ($server, $channel, $name) = @_;

    my ($c) = grep { $_->{channel} eq $channel }
                   @{ status($server)->{channels} };
    my ($r) = grep { $_->{name} eq $name } @{ $c ? $c->{renditions} : [] };

    return $r;
}


sub is_on
{
    my ($server, $channel) = @_;
    my $r = rendition($server, $channel, 'r90');

    return $r && ($r->{rung}{state} // '') eq 'on' && $r->{edge};
}


sub gets     { my @of = @_; wait_for { is_on(@of) } 60 }
sub playlist { $_[0]->get("/live/$_[1]/index.m3u8")->{body} }


# What the log said of a channel's rung last, if that is it.
sub told
{
    my ($server, $channel, $reason, $timeout) = @_;

    return wait_for {
        my @of = $server->error_log
            =~ /channel "$channel" session \w+: rung r90 (\w+: .*?), /g;
        @of && $of[-1] =~ /^withdrawn: $reason/;
    } $timeout // 60;
}


sub refused { told(@_, 'no slots are free') }


# The source of a channel has parts that it had not before.
sub goes_on
{
    my ($server, $channel) = @_;
    my $edge = sub {
        my $r = rendition($server, $channel, 'video');
        my $e = $r ? $r->{edge} : undef;
        $e ? $e->{msn} * 1000 + $e->{part} : 0;
    };
    my $before = $edge->();

    return wait_for { $edge->() > $before };
}


# Whether a machine knows what partners and affiliates hold elsewhere.
sub hears
{
    my ($server, $machines, $partners, $affiliates) = @_;

    return wait_for {
        my $others = slots($server)->{elsewhere};
        $others && $others->{machines} == $machines
            && abs($others->{partners} - $partners) < 0.0001
            && abs($others->{affiliates} - $affiliates) < 0.0001;
    };
}


my $a = machine('a', '0.02');

# alone: three of four leave more than a fifth, four do not
for my $name (qw(aff1 aff2 aff3)) {
    begin($a, $name);
    ok gets($a, $name), "alone: $name has its rung";
}

begin($a, 'aff4');
ok refused($a, 'aff4'), 'alone: aff4 has not';
ok goes_on($a, 'aff4'), 'but its source';

# another machine: four of six do
my $b = machine('b', '0.01');
ok gets($a, 'aff4'), 'with an idle machine: aff4 has its rung';
like playlist($a, 'aff4'), qr/r90/, 'which is listed';
is slots($a)->{affiliates}, 0.02, 'its own machine is full';
ok hears($b, 1, 0, 0.02), 'of which the other one hears';

# partners fill the other machine
for my $name (qw(p1 p2)) {
    begin($b, $name);
    ok gets($b, $name), "$name has its rung, elsewhere";
}

ok hears($a, 1, 0.01, 0), 'of which the first one hears';
ok is_on($a, $_), "$_ keeps what it has" for qw(aff1 aff2 aff3 aff4);

$publisher{$_}->stop for qw(aff3 aff4);
ok wait_for { slots($a)->{affiliates} == 0.01 }, 'two affiliates leave';
begin($a, 'aff5');
ok refused($a, 'aff5'), 'another gets none, though half of its machine is free';
ok goes_on($a, 'aff5'), 'but its source';
unlike playlist($a, 'aff5'), qr/r90/, 'and nothing else is listed';

# the other machine is killed
$b->allow_log(qr/exited on signal 9/);
kill 'KILL', $b->pid, $b->worker_pids;
my $since = time;
ok hears($a, 0, 0, 0), 'a killed machine counts no more';
ok gets($a, 'aff5'), 'so the affiliate gets its rung';
note sprintf 'after %.1f s', time - $since;
$publisher{$_}->kill for qw(p1 p2);
undef $b;

# partners on its own machine
begin($a, 'p3');
ok gets($a, 'p3'), 'a partner takes what is free';
ok is_on($a, 'aff5'), 'which nobody minds';
begin($a, 'p4');
ok gets($a, 'p4'), 'another takes what is not';
ok told($a, 'aff5', 'a partner took the slots')
    || refused($a, 'aff5'), 'of the affiliate that came last';
like $a->error_log, qr/"aff5" .*: a partner took the slots/, 'who is told';
ok wait_for { playlist($a, 'aff5') !~ /r90/ }, 'its rung is listed no more';
ok goes_on($a, 'aff5'), 'its source goes on';
ok is_on($a, $_), "$_ goes on" for qw(aff1 aff2 p3);

# Redis hangs
$redis->pause;
ok goes_on($a, $_), "Redis hangs: $_ goes on" for qw(aff1 aff5 p3);
ok wait_for { !slots($a)->{elsewhere} }, 'the machine is by itself';
ok goes_on($a, $_), "by itself: $_ goes on" for qw(aff1 aff5 p3);
$publisher{p4}->stop;
ok wait_for { slots($a)->{partners} == 0.005 }, 'a partner leaves';
begin($a, 'p5');
ok gets($a, 'p5'), 'and another comes';
$redis->resume;
ok hears($a, 0, 0, 0), 'Redis goes on';
ok is_on($a, $_), "$_ too" for qw(aff1 aff2 p3 p5);
ok goes_on($a, $_), "and the source of $_" for qw(aff1 aff5 p3 p5);

done_testing;
