package Onair::Viewers;

# Many viewers of a channel at once, who notice every request that fails.
#
#   my $v = Onair::Viewers->start($server, 'name', viewers => 8, ...);
#
# A viewer follows video and audio, each on two keep-alive connections: one
# for blocking reloads, one for media.  Every other viewer asks for each part
# by its hint and for each segment behind it; the rest ask for whole segments,
# which the server holds for as long as they last.  Options:
#   viewers    => 8, processes => 2
#   statuses   => [503]      beside 200; then the viewer asks again
#   timeout    => 30         seconds for one request
#   reload     => 1          the server closes idle connections
#
#   $v->more($n, $timeout)   waits until every viewer got $n more segments, or
#                            parts; returns true, or false after the timeout
#   $v->failures             [ { worker, what, path } ] so far
#   $v->missed               sentences about gaps in what viewers were told
#   $v->sessions             ids that were seen
#   $v->worst_gap            longest time without a part of any viewer, in s
#   $v->count('parts')       also 'segments', 'playlists', 'retried', 503
#   $v->stop                 also done when the object goes
#
# start() returns when there is a stream to follow.  A connection that the
# server closes while nothing is asked on it is not a failure.  If it closes
# just when a request is sent, before it has read that, an HTTP client asks
# again on another connection (RFC 9112, 9.5); with `reload` that is counted as
# 'retried', provided that the answer had not been waited for.
#
# The server tells which worker answers: put $Onair::Viewers::LOCATION into
# its location.

use strict;
use warnings;

use IO::Select;
use Time::HiRes qw(sleep time);

use Onair::Viewer;
use Onair::Viewers::Client;

our $LOCATION = 'add_header X-Worker $pid always;';


sub start {
    my ($class, $server, $channel, %option) = @_;

    my %args = (viewers => 8, processes => 2, statuses => [], timeout => 30,
                %option, port => $server->http_port, channel => $channel);
    my $self = bless { pids => [], pipes => IO::Select->new, rest => {},
        failures => [], missed => [], counts => {}, sessions => {},
        units => {}, gaps => {}, part_at => {} }, $class;
    my $live = Onair::Viewer->new($server, $channel);

    $live->wait_live(qw(video audio)) or die "$channel is not on the air\n";

    for my $i (0 .. $args{processes} - 1) {
        my @numbers = grep { $_ % $args{processes} == $i }
                           0 .. $args{viewers} - 1;
        $self->_fork(\@numbers, \%args);
    }

    for my $number (0 .. $args{viewers} - 1) {
        $self->{units}{"$number $_"} = 0 for qw(video audio);
    }

    return $self;
}


sub _fork {
    my ($self, $numbers, $args) = @_;

    my $pid = open(my $pipe, '-|') // die "fork: $!";

    if ($pid == 0) {
        $SIG{TERM} = 'DEFAULT';
        Onair::Viewers::Client::run($numbers, $args);
        POSIX::_exit(0);
    }

    push @{ $self->{pids} }, $pid;
    $self->{pipes}->add($pipe);
}


sub more {
    my ($self, $n, $timeout) = @_;

    my $deadline = time + ($timeout // 90);

    $self->_read(0);

    my %goal = map { $_ => $self->{units}{$_} + $n } keys %{ $self->{units} };

    while (my @behind = $self->_behind(\%goal)) {
        if (time > $deadline) {
            Test::More::diag("viewers that do not go on: @behind");
            return 0;
        }

        $self->_read(0.1);
    }

    return 1;
}


sub _behind {
    my ($self, $goal) = @_;

    return grep { $self->{units}{$_} < $goal->{$_} } sort keys %$goal;
}


# Lets them go on for some seconds.
sub run {
    my ($self, $seconds) = @_;

    my $until = time + $seconds;

    $self->_read(0.05) while time < $until;
}


sub failures  { my $s = shift; $s->_read(0); return $s->{failures} }
sub missed    { my $s = shift; $s->_read(0); return $s->{missed} }
sub sessions  { my $s = shift; $s->_read(0); sort keys %{ $s->{sessions} } }
sub count     { my $s = shift; $s->_read(0); $s->{counts}{ $_[0] } // 0 }


sub worst_gap {
    my ($self) = @_;
    my ($worst) = sort { $b <=> $a } values %{ $self->{gaps} };

    return $worst // 0;
}


sub forget_gaps { my $s = shift; $s->_read(0); $s->{gaps} = {} }


# Failures in words, without what the death of some workers explains.
sub unforgiven {
    my ($self, @workers) = @_;
    my %lost = map { $_ => 1 } @workers;

    return map { "worker $_->{worker}: $_->{what}: $_->{path}" }
        grep { !$lost{ $_->{worker} } || $_->{what} !~ /^closed|cut off/ }
             @{ $self->failures };
}


sub figures {
    my ($self) = @_;

    $self->_read(0);

    return join ', ', (map { "$self->{counts}{$_} $_" }
                       sort keys %{ $self->{counts} }),
        scalar(@{ $self->{failures} }) . ' failures',
        sprintf 'longest time without a part %.2f s', $self->worst_gap;
}


sub _read {
    my ($self, $timeout) = @_;

    for my $pipe ($self->{pipes}->can_read($timeout)) {
        my $rest = \$self->{rest}{$pipe};

        if (!sysread $pipe, $$rest, 65536, length($$rest // '')) {
            $self->{pipes}->remove($pipe);
            next;
        }

        $self->_line($1) while $$rest =~ s/^(.*)\n//;
    }
}


sub _line {
    my ($self, $line) = @_;
    my ($what, $viewer, $rendition, @more) = split /\t/, $line;
    my $key = "$viewer $rendition";

    if ($what eq 'count') {
        $self->{counts}{ $more[0] }++;
        return if $more[0] !~ /^(?:parts|wholes)$/;
        die "what is '$line'?\n" if !defined $self->{units}{$key};
        $self->{units}{$key}++;
        $self->_part($key, $more[1]) if $more[0] eq 'parts';

    } elsif ($what eq 'session') {
        $self->{sessions}{ $more[0] } = 1;

    } elsif ($what eq 'missed') {
        push @{ $self->{missed} }, "viewer $key: $more[0]";

    } elsif ($what eq 'failed') {
        push @{ $self->{failures} },
            { worker => $more[0], what => $more[1], path => $more[2] };
    }
}


sub _part {
    my ($self, $key, $now) = @_;
    my $before = $self->{part_at}{$key};

    $self->{part_at}{$key} = $now;
    return if !defined $before;

    my $gap = $now - $before;
    $self->{gaps}{$key} = $gap if $gap > ($self->{gaps}{$key} // 0);
}


sub stop {
    my ($self) = @_;
    my @pids = splice @{ $self->{pids} };

    local $?;
    kill 'TERM', @pids;
    waitpid $_, 0 for @pids;
}


sub DESTROY { $_[0]->stop }


1;
