package Onair::Viewers::Client;

# The viewers of one process of Onair::Viewers, on one event loop.  They tell
# their parent line by line on STDOUT.

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use Onair::HTTP;

use constant {
    GRACE_S => 0.5,     # a request closed without an answer later than this
                        # had been read by the server
    AGAIN_S => 0.2,
};

my (@pending, @later, %args);


sub run {
    my ($numbers, $args) = @_;

    $| = 1;
    %args = %$args;
    end_with_parent();

    for my $number (@$numbers) {
        multivariant({ number => $number, slot => {} });
    }

    turn() while 1;
}


# Nobody else would stop them when the test is killed.
sub end_with_parent {
    my $parent = getppid;

    $SIG{ALRM} = sub {
        POSIX::_exit(0) if getppid != $parent;
        alarm 1;
    };
    alarm 1;
}


sub now { return clock_gettime(CLOCK_MONOTONIC) }


sub tell_parent {
    my ($what, $v, @more) = @_;
    my $line = join("\t", $what, $v->{number}, $v->{rendition} // '-', @more);

    syswrite STDOUT, "$line\n";
}


# --- requests ------------------------------------------------------------

# Asks on a slot, which is a connection or becomes one, and calls back with
# the answer, whose status is 200.
sub ask {
    my ($v, $slot, $path, $done) = @_;

    push @pending, { v => $v, slot => $slot, path => $path, done => $done };
    send_request($pending[-1]);
}


sub send_request {
    my $request = shift;
    my $slot = $request->{slot};

    $request->{waiting} = 0;
    drop_closed($slot);
    open_slot($request, $slot) if !$slot->{http};
    $request->{sent} = now();

    if (!$slot->{http}) {
        return failed($request, 'no connection');
    }

    $slot->{http}->start('GET', $request->{path});
}


sub drop_closed {
    my $slot = shift;
    my $http = $slot->{http} or return;

    $http->pending;
    $slot->{http} = undef if $http->{eof};
}


# A connection whose worker is known: it is asked before all else.
sub open_slot {
    my ($request, $slot) = @_;

    for my $try (1 .. 3) {
        my $http = eval { Onair::HTTP->connect($args{port}) };
        my $answer = $http && eval { $http->get('/live/') };

        if ($answer) {
            @$slot{qw(http worker)} = ($http, $answer->{headers}{'x-worker'});
            return;
        }

        tell_parent('count', $request->{v}, 'unopened');
    }
}


sub turn {
    my $mask = '';

    for (grep { $_->{slot}{http} && !$_->{waiting} } @pending) {
        vec($mask, fileno $_->{slot}{http}{socket}, 1) = 1;
    }

    my $n = select $mask, undef, undef, @later ? 0.02 : 0.5;

    again();
    timeouts();
    return if $n <= 0;

    for my $request (my @now = @pending) {
        my $http = $request->{slot}{http} or next;
        next if $request->{waiting} || !vec $mask, fileno $http->{socket}, 1;
        look($request, $http);
    }

    @pending = grep { !$_->{over} } @pending;
}


sub look {
    my ($request, $http) = @_;
    my $answer = eval { $http->ready or return 0; $http->finish(0) };

    return failed($request, first_line($@)) if $@;
    return if defined $answer && !ref $answer;
    return closed($request) if !defined $answer;

    my $slot = $request->{slot};
    $slot->{http} = undef
        if ($answer->{headers}{connection} // '') eq 'close';

    if ($answer->{status} != 200) {
        return unwelcome($request, $answer->{status});
    }

    $request->{over} = 1;
    $request->{done}->($answer);
}


sub first_line { return (split /\n/, substr $_[0], 0, 120)[0] }


sub closed {
    my $request = shift;

    if ($args{reload} && now() - $request->{sent} < GRACE_S) {
        tell_parent('count', $request->{v}, 'retried');
        return ask_elsewhere($request);
    }

    failed($request, sprintf 'closed without an answer after %.3f s',
           now() - $request->{sent});
}


sub unwelcome {
    my ($request, $status) = @_;

    if (grep { $_ == $status } @{ $args{statuses} }) {
        tell_parent('count', $request->{v}, $status);
        return ask_again($request);
    }

    failed($request, "status $status");
}


sub failed {
    my ($request, $what) = @_;

    tell_parent('failed', $request->{v}, $request->{slot}{worker}, $what,
                $request->{path});
    ask_elsewhere($request);
}


# On a new connection.
sub ask_elsewhere {
    my $request = shift;

    $request->{slot}{http} = undef;
    ask_again($request);
}


sub ask_again {
    my $request = shift;

    $request->{waiting} = 1;
    $request->{at} = now() + AGAIN_S;
    push @later, $request;
}


sub again {
    my @due = grep { $_->{at} <= now() } @later;

    @later = grep { $_->{at} > now() } @later;
    send_request($_) for @due;
}


sub timeouts {
    for my $request (@pending) {
        next if $request->{waiting}
                || now() - $request->{sent} < $args{timeout};
        failed($request, 'no answer in time');
    }
}


# --- a viewer ------------------------------------------------------------

sub multivariant {
    my $v = shift;

    ask($v, $v->{slot}, "/live/$args{channel}/index.m3u8", sub {
        my $text = shift->{body};
        my %seen;

        for my $path ($text =~ m{([a-z2-7]{13}/\w+)/index\.m3u8}g) {
            next if $seen{$path}++;
            my ($session, $rendition) = split m{/}, $path;
            my $follower = { number => $v->{number}, rendition => $rendition,
                reloads => {}, media => {}, sizes => {},
                by_segments => $v->{number} % 2,
                base => "/live/$args{channel}/$path" };
            tell_parent('session', $follower, $session);
            reload($follower, '');
        }
    });
}


sub reload {
    my ($v, $query) = @_;

    ask($v, $v->{reloads}, "$v->{base}/index.m3u8$query", sub {
        tell_parent('count', $v, 'playlists');
        $v->{list} = parse(shift->{body});
        check_list($v);
        next_reload($v);
        fetch_next($v) if !$v->{fetching};
    });
}


sub next_reload {
    my $v = shift;
    my $list = $v->{list};

    return if $list->{end};

    my $query = "?_HLS_msn=$list->{open}";
    $query .= "&_HLS_part=$list->{open_parts}" if !$v->{by_segments};
    reload($v, $query);
}


sub parse {
    my $text = shift;
    my %list = (parts => [], segments => [], open_parts => 0,
                end => $text =~ /^#EXT-X-ENDLIST/m ? 1 : 0);

    ($list{first}) = $text =~ /^#EXT-X-MEDIA-SEQUENCE:(\d+)/m;
    ($list{hint}) = $text =~ /^#EXT-X-PRELOAD-HINT:.*URI="([^"]+)"/m;
    $list{open} = $list{first};

    for (split /\n/, $text) {
        if (/^#EXT-X-PART:.*URI="([^"]+)"/) {
            push @{ $list{parts} }, { uri => $1, msn => $list{open} };
            $list{open_parts}++;

        } elsif (/^[^#]/) {
            push @{ $list{segments} }, { uri => $_, msn => $list{open}++ };
            $list{open_parts} = 0;
        }
    }

    return \%list;
}


# Numbers go on, and nothing is gone that was not fetched.
sub check_list {
    my $v = shift;
    my $list = $v->{list};
    my $edge = [ $list->{open}, $list->{open_parts} ];
    my $last = $v->{edge} // $edge;

    if (($edge->[0] <=> $last->[0] || $edge->[1] <=> $last->[1]) < 0) {
        tell_parent('missed', $v, "the edge went back from @$last to @$edge");
    }

    $v->{edge} = $edge;
    begin($v) if !defined $v->{next_msn};

    if ($v->{next_msn} < $list->{first}) {
        tell_parent('missed', $v, "segment $v->{next_msn} is gone, the list "
                    . "starts at $list->{first}");
        begin($v);
    }
}


sub begin {
    my $v = shift;
    my $list = $v->{list};

    $v->{next_msn} = $list->{open};
    $v->{last_part} = @{ $list->{parts} } ? $list->{parts}[-1]{uri} : undef;
    $v->{sizes} = {};
}


# One after the other: the parts that are listed, then the segment that has
# come to its end, then the part that is promised.
sub fetch_next {
    my $v = shift;

    $v->{fetching} = 0;
    return if $v->{by_segments} ? fetch_segment($v, 1)
                                : fetch_part($v) || fetch_segment($v, 0)
                                  || fetch_hint($v);
}


sub fetch {
    my ($v, $uri, $done) = @_;

    $v->{fetching} = 1;
    ask($v, $v->{media}, "$v->{base}/$uri", sub {
        $done->(length shift->{body});
        fetch_next($v);
    });

    return 1;
}


sub fetch_part {
    my $v = shift;
    my @parts = @{ $v->{list}{parts} };
    my $last = $v->{last_part};

    if (defined $last && grep { $_->{uri} eq $last } @parts) {
        1 while shift(@parts)->{uri} ne $last;

    } elsif (defined $last && !$v->{hinted}) {
        tell_parent('missed', $v, "no part $last in the list any more");

    } elsif ($v->{hinted}) {
        return 0;       # fetched before the list had it
    }

    $v->{hinted} = 0;
    my $part = shift @parts or return 0;

    return fetch($v, $part->{uri}, sub {
        part_done($v, $part->{uri}, shift);
    });
}


sub fetch_hint {
    my $v = shift;
    my $uri = $v->{list}{hint} // return 0;

    return 0 if $v->{last_part} && $uri eq $v->{last_part};

    return fetch($v, $uri, sub {
        $v->{hinted} = 1;
        part_done($v, $uri, shift);
    });
}


sub part_done {
    my ($v, $uri, $size) = @_;

    $v->{last_part} = $uri;
    $v->{sizes}{$uri} = $size;
    tell_parent('count', $v, 'parts', now());
}


# The next segment; with `held` before it has come to its end.
sub fetch_segment {
    my ($v, $held) = @_;
    my $list = $v->{list};
    my $msn = $v->{next_msn};

    return 0 if !$held && $msn >= $list->{open};
    return 0 if $list->{end} && $msn >= $list->{open};

    my @parts = map { $_->{uri} } grep { $_->{msn} == $msn }
                                       @{ $list->{parts} };
    my ($told) = grep { $_->{msn} == $msn } @{ $list->{segments} };
    my $uri = $told ? $told->{uri} : "seg-$msn.m4s";

    return fetch($v, $uri, sub {
        $v->{next_msn} = $msn + 1;
        tell_parent('count', $v, $held ? 'wholes' : 'segments');
        compare($v, $uri, \@parts, shift) if !$held;
    });
}


# A segment is its parts.
sub compare {
    my ($v, $uri, $parts, $size) = @_;
    my $sum = 0;

    for (@$parts) {
        return if !defined $v->{sizes}{$_};
        $sum += $v->{sizes}{$_};
    }

    tell_parent('missed', $v, "$uri has $size bytes, its parts $sum")
        if $sum != $size;
    delete @{ $v->{sizes} }{@$parts};
}


1;
