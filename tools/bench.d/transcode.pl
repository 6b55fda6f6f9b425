#!/usr/bin/perl

# What the quality ladder costs; tools/bench starts the server and says what to
# measure: ladder, latency or streams.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../../t/lib";

use Getopt::Long;
use JSON::PP ();
use List::Util qw(max min sum0);
use POSIX ();
use Time::HiRes qw(sleep time);

use Onair::HTTP;
use Onair::LLHLS::Media;

my $what = shift // die "what?\n";
my %option = (seconds => 15, warmup => 5, rounds => 1, fps => 30,
              'max-streams' => 64, 'limit-s' => 300, preset => 'veryfast');
GetOptions(\%option, qw(http=i rtmp=i pids=s flv=s seconds=f warmup=f rounds=i
                        fps=i preset=s max-streams=i limit-s=f source=s))
    or exit 2;

my $json = JSON::PP->new->canonical;
my @workers = split /,/, $option{pids} // die "which workers?\n";
my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());
my %children;

$| = 1;
$SIG{TERM} = $SIG{INT} = sub { exit 1 };

# As tools/bench has them configured: kbit/s.
my %VIDEO = ('720p' => 3000, '480p' => 1500, '360p' => 800, '160p' => 300);
my $AUDIO = 64;

# A rung that takes longer, from a frame's arrival to its part, is not held;
# frames that are coded out of order take up to three without that.
my $HELD_S = 0.1 + 3 / $option{fps};

{ ladder => \&ladder, latency => \&latency, streams => \&streams }
    ->{$what}->();


# --- processes and numbers ---------------------------------------------

# ends with this program
sub run
{
    my (@command) = @_;
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        exec qw(setpriv --pdeathsig KILL), @command or POSIX::_exit(127);
    }

    $children{$pid} = 1;

    return $pid;
}


sub end
{
    my ($pid) = @_;

    delete $children{$pid};
    kill 'KILL', $pid;
    waitpid $pid, 0;
}


END {
    my $status = $?;
    end($_) for keys %children;
    $? = $status;
}


# Seconds on a CPU, user and system, of all threads, also those that ended.
sub cpu
{
    my $sum = 0;

    for my $pid (@_) {
        open my $file, '<', "/proc/$pid/stat" or die "process $pid: $!\n";
        my ($utime, $stime)
            = (split ' ', <$file> =~ s/^.*\) //r)[11, 12];
        $sum += ($utime + $stime) / $ticks;
    }

    return $sum;
}


# Of all CPUs, but idle ones and those that wait for a disk.
sub machine_cpu
{
    open my $file, '<', '/proc/stat' or die "/proc/stat: $!\n";
    my @times = (split ' ', <$file>)[1 .. 8];

    return sum0(@times[0 .. 2, 5 .. 7]) / $ticks;
}


sub quantile
{
    my ($of, @values) = @_;
    my @sorted = sort { $a <=> $b } @values;

    return @sorted ? $sorted[int($of * $#sorted + 0.5)] : undef;
}


sub rounded
{
    my ($value, $digits) = @_;

    return defined $value ? 0 + sprintf("%.*f", $digits // 3, $value) : undef;
}


sub result
{
    my (%line) = @_;

    print $json->encode(\%line), "\n";
}


# --- the server --------------------------------------------------------

sub publish
{
    my ($name) = @_;

    return run(qw(ffmpeg -nostdin -loglevel error -re -stream_loop -1 -i),
               $option{flv}, qw(-c copy -flvflags no_duration_filesize -f flv),
               "rtmp://127.0.0.1:$option{rtmp}/live/$name");
}


# By the names of channels, each with its renditions by their names.
sub status
{
    my $answer = Onair::HTTP->connect($option{http})->get('/status.json');
    my %channels;

    for my $channel (@{ JSON::PP::decode_json($answer->{body})->{channels} })
    {
        my %renditions = map { $_->{name} => $_ } @{ $channel->{renditions} };
        $channels{ $channel->{channel} } = \%renditions;
    }

    return \%channels;
}


# Rungs that are on and have coded something, by name.
sub rungs_on
{
    my ($channel) = @_;
    my $renditions = status()->{$channel} // {};

    return { map { $_ => $renditions->{$_} }
             grep { my $rung = $renditions->{$_}{rung};
                    $rung && $rung->{state} eq 'on' && $rung->{frames} }
             keys %$renditions };
}


sub wait_rungs
{
    my ($channel, $n) = @_;
    my $until = time + 90;

    while (time < $until) {
        my $on = rungs_on($channel);
        return $on if keys %$on >= $n;
        sleep 0.1;
    }

    die "$channel: its rungs do not come on\n";
}


sub dropped
{
    my ($rung) = @_;

    return $rung->{late_frames} + $rung->{full_frames};
}


# --- ladder ------------------------------------------------------------

# The command that makes the same: decoded once, scaled down the cascade.
sub ffmpeg
{
    my ($rungs) = @_;
    my @names = sort { $rungs->{$b}{height} <=> $rungs->{$a}{height} }
                grep { $rungs->{$_}{height} } keys %$rungs;
    my ($graph, $from, @outputs) = ('', '0:v');

    for my $i (0 .. $#names) {
        my $r = $rungs->{ $names[$i] };
        my $bits = $VIDEO{ $names[$i] } . 'k';
        my $more = $i < $#names ? "[n$i]" : '';

        $graph .= "[$from]scale=$r->{width}:$r->{height}:flags=bicubic,"
            . 'split=' . ($more ? 2 : 1) . "[v$i]$more;";
        $from = "n$i";

        push @outputs, '-map', "[v$i]", qw(-c:v libx264 -preset),
            $option{preset}, qw(-tune zerolatency -threads 1 -sc_threshold 0
            -g 1000000 -forced-idr 1 -force_key_frames source -bf 0 -a53cc 0),
            '-profile:v', $r->{height} >= 720 ? 'high' : 'main',
            '-b:v', $bits, '-maxrate', $bits, '-bufsize', $bits, output();
    }

    chop $graph;

    return (qw(ffmpeg -nostdin -y -loglevel error -filter_complex_threads 1
               -threads 1 -re -stream_loop -1 -i), $option{flv},
            '-filter_complex', $graph, @outputs,
            qw(-map 0:a -c:a aac -threads 1 -b:a), "${AUDIO}k", output(),
            qw(-map 0:v -c copy), output(), qw(-map 0:a -c copy), output());
}


sub output
{
    return (qw(-movflags empty_moov+default_base_moof -frag_duration 200000
               -flush_packets 1 -f mp4 /dev/null));
}


# CPU time that these processes take a second, while media comes at its pace.
sub cpu_per_s
{
    my (@pids) = @_;
    my ($begin, $cpu) = (time, cpu(@pids));

    sleep $option{seconds};

    return (cpu(@pids) - $cpu) / (time - $begin);
}


sub ladder_onair
{
    my ($name) = @_;
    my $publisher = publish($name);

    wait_rungs($name, 1 + keys %VIDEO);
    sleep $option{warmup};

    my $begin = time;
    my $before = rungs_on($name);
    my $cpu = cpu_per_s(@workers);
    my $after = rungs_on($name);
    my $lasted = time - $begin;

    end($publisher);
    die "a rung did not stay on\n" if keys %$after < keys %$before;

    my ($frames, $dropped) = (1e9, 0);

    for my $rung (grep { $after->{$_}{height} } keys %$after) {
        my ($from, $to) = map { $_->{$rung} } $before, $after;
        $frames = min($frames, $to->{frames} - $from->{frames});
        $dropped += dropped($to->{rung}) - dropped($from->{rung});
    }

    return { cpu => $cpu, rungs => $after, dropped => $dropped,
             fps => $frames / $lasted };
}


sub ladder
{
    my (@ours, @ffmpeg, @dropped, @fps, $rungs);
    my ($begin, $machine) = (time, machine_cpu());

    for my $round (1 .. $option{rounds}) {
        my $ours = ladder_onair("ladder$round");

        push @ours, $ours->{cpu};
        push @dropped, $ours->{dropped};
        push @fps, $ours->{fps};
        $rungs = $ours->{rungs};

        my $pid = run(ffmpeg($rungs));
        sleep $option{warmup};
        push @ffmpeg, cpu_per_s($pid);
        die "ffmpeg ended\n" if waitpid($pid, POSIX::WNOHANG()) != 0;
        end($pid);
    }

    result(result => 'ladder', source => $option{source},
           preset => $option{preset}, rounds => $option{rounds},
           rungs => [ sort keys %$rungs ],
           server_cpu_s_per_stream_s => rounded(quantile(0.5, @ours)),
           ffmpeg_cpu_s_per_stream_s => rounded(quantile(0.5, @ffmpeg)),
           cpu_share => rounded((machine_cpu() - $machine) / (time - $begin)),
           rung_fps_min => rounded(min(@fps), 1),
           dropped_frames => sum0(@dropped));
    result(result => 'ratio',
           ratio_cpu => rounded(quantile(0.5, @ours)
                                / quantile(0.5, @ffmpeg)),
           ratio_cpu_min => rounded(min(map { $ours[$_] / $ffmpeg[$_] }
                                            0 .. $#ours)),
           ratio_cpu_max => rounded(max(map { $ours[$_] / $ffmpeg[$_] }
                                            0 .. $#ours)));
}


# --- latency -----------------------------------------------------------

# A process that waits for each part of a rendition, and writes when it has
# come, and which one it is: the source's are in the order of decoding, which is
# up to three frames ahead.
sub follow
{
    my ($base) = @_;
    my $pid = open(my $out, '-|') // die "fork: $!\n";

    return { pid => $pid, out => $out } if $pid;

    %children = ();
    $SIG{TERM} = 'DEFAULT';

    my ($init, %seen);

    while (1) {
        # nginx closes one after a thousand requests
        my $client = Onair::HTTP->connect($option{http});
        my $text = $client->get("$base/index.m3u8")->{body};
        my ($map) = $text =~ /^#EXT-X-MAP:URI="([^"]+)"/m;
        my ($target) = $text =~ /PART-TARGET=([\d.]+)/;
        my ($hint) = $text =~ /^#EXT-X-PRELOAD-HINT:.*URI="([^"]+)"/m;

        next if !defined $map || !defined $hint || $seen{$hint}++;
        $init //= Onair::LLHLS::Media::init($client->get("$base/$map")
                                                   ->{body});

        my $part = $client->get("$base/$hint")->{body};
        my $came = time;
        my ($f) = Onair::LLHLS::Media::fragments($part, $init);
        my $end = ($f->{time} + $f->{duration}) / $init->{timescale};

        printf "%.6f %d\n", $came, $end / $target + 0.25;
    }
}


# When each part came.
sub followed
{
    my ($follower) = @_;

    kill 'KILL', $follower->{pid};
    my %came = map { (split)[1, 0] }
               grep { /^\S+ \d+\n$/ }
               do { my $out = $follower->{out}; <$out> };
    close $follower->{out};

    return \%came;
}


sub latency
{
    my $publisher = publish('latency');
    my ($name) = keys %{ wait_rungs('latency', 1) };
    my $list = Onair::HTTP->connect($option{http})
                   ->get('/live/latency/index.m3u8')->{body};
    my ($session) = $list =~ m{([a-z2-7]{13})/\w+/index\.m3u8}
        or die "no session\n";

    sleep $option{warmup};

    my %follow = map { $_ => follow("/live/latency/$session/$_") }
                 'video', $name;
    my $until = time + $option{seconds};
    my $first = rungs_on('latency')->{$name};
    my ($last, @told);

    while (time < $until) {
        sleep 0.2;
        $last = rungs_on('latency')->{$name};
        push @told, $last->{rung}{latency};
    }

    my ($source, $rung) = map { followed($follow{$_}) } 'video', $name;
    end($publisher);

    # those that end with one frame
    my @added = map { $rung->{$_} - $source->{$_} }
                grep { exists $source->{$_} } keys %$rung;

    result(result => 'rung_latency', source => $option{source},
           rendition => $name, preset => $option{preset},
           map({ $_ => $last->{$_} } qw(width height frame_rate)),
           parts => scalar @added,
           map({ ("arrival_to_part_p${_}_ms" =>
                      rounded(1000 * quantile($_ / 100, @told)),
                  "behind_source_p${_}_ms" =>
                      rounded(1000 * quantile($_ / 100, @added))) } 50, 99),
           encode_ms => rounded(1000 * $last->{rung}{encode_time}),
           dropped_frames => dropped($last->{rung})
                             - dropped($first->{rung}));
}


# --- streams -----------------------------------------------------------

# Whether all rungs of so many streams keep up for a while.
sub held
{
    my ($n) = @_;
    my $begin = time;
    my $before = status();

    sleep $option{seconds};

    my $after = status();
    my $lasted = time - $begin;
    my %worst = (dropped => 0, fps => 1e9, latency => 0, streams => $n);

    for my $i (1 .. $n) {
        my ($from, $to) = map { $_->{"stream$i"}{'360p'} } $before, $after;

        if (grep { ($_->{rung}{state} // '') ne 'on' } $from, $to) {
            $worst{fps} = 0;
            next;
        }

        $worst{dropped} += dropped($to->{rung}) - dropped($from->{rung});
        $worst{fps} = min($worst{fps},
                          ($to->{frames} - $from->{frames}) / $lasted);
        $worst{latency} = max($worst{latency}, $to->{rung}{latency});
    }

    # what was counted may be told a second later
    $worst{held} = $worst{dropped} == 0
                   && ($option{fps} - $worst{fps}) * $lasted
                      < 1.5 * $option{fps}
                   && $worst{latency} < $HELD_S;

    return \%worst;
}


# One more at a time, until twice in a row they cannot be held.
sub streams
{
    my $until = time + $option{'limit-s'};
    my ($best, $failed, @publishers) = (undef, 0);
    my $end = 'max-streams';

    while (@publishers < $option{'max-streams'}) {
        push @publishers, publish('stream' . (1 + @publishers));

        # too many: it is held() that says so
        eval { wait_rungs('stream' . @publishers, 1) };
        sleep $option{warmup};

        my ($cpu, $own) = (cpu(@workers), cpu(@publishers));
        my $begin = time;
        my $now = held(scalar @publishers);
        $now->{cpu} = (cpu(@workers) - $cpu) / (time - $begin);
        $now->{publishers_cpu} = (cpu(@publishers) - $own) / (time - $begin);

        $best = $now if $now->{held};
        $failed = $now->{held} ? 0 : $failed + 1;
        $end = $failed >= 2 ? 'cannot be held' : time > $until ? 'time' : $end;
        last if $failed >= 2 || time > $until;
    }

    $best //= { map { $_ => 0 } qw(streams cpu publishers_cpu fps latency) };
    result(result => 'streams', source => $option{source},
           preset => $option{preset}, streams => $best->{streams},
           ended_by => $end,
           server_cpu_share => rounded($best->{cpu}),
           publishers_cpu_share => rounded($best->{publishers_cpu}),
           rung_fps_min => rounded($best->{fps}, 1),
           arrival_to_part_max_ms => rounded(1000 * $best->{latency}));
}
